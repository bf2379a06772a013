package shop.payments;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** The book of charges, in PostgreSQL. */
final class Ledger {
    private static final String ENTER = "insert into charges (customer, cents) values (?, ?) returning number";

    private final String address;
    private final String user;
    private final String password;

    Ledger(String address, String user, String password) {
        this.address = address;
        this.user = user;
        this.password = password;
    }

    static Ledger fromEnvironment() {
        return new Ledger(
                System.getenv().getOrDefault("LEDGER_URL", "jdbc:postgresql://postgres:5432/shop"),
                System.getenv().getOrDefault("LEDGER_USER", "payments"),
                System.getenv().getOrDefault("LEDGER_PASSWORD", ""));
    }

    long enter(String customer, long cents) throws IOException {
        try (Connection connection = DriverManager.getConnection(address, user, password);
                PreparedStatement statement = connection.prepareStatement(ENTER)) {
            statement.setString(1, customer);
            statement.setLong(2, cents);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getLong(1);
            }
        } catch (SQLException error) {
            throw new IOException("the ledger does not answer", error);
        }
    }
}
