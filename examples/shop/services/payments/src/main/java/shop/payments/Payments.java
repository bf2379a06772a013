package shop.payments;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;
import org.apache.commons.text.StringSubstitutor;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;

/** Charges customers and writes a receipt. */
public final class Payments {
    private static final Logger LOG = LogManager.getLogger(Payments.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long MOST_CENTS = 500_000;

    private final Ledger ledger;

    Payments(Ledger ledger) {
        this.ledger = ledger;
    }

    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        Payments payments = new Payments(Ledger.fromEnvironment());
        HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
        server.createContext("/charge", payments::charge);
        server.createContext("/healthz", exchange -> answer(exchange, 200, "{}"));
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
        LOG.info("payments listens on {}", port);
    }

    private void charge(HttpExchange exchange) throws IOException {
        LOG.info("charge asked by {}", exchange.getRequestHeaders().getFirst("User-Agent"));
        JsonNode order = JSON.readTree(exchange.getRequestBody());
        String customer = order.path("customer").asText();
        long cents = order.path("cents").asLong();
        if (customer.isEmpty() || cents <= 0 || cents > MOST_CENTS) {
            answer(exchange, 400, "{\"error\":\"not an order\"}");
            return;
        }
        long number = ledger.enter(customer, cents);
        answer(exchange, 200, JSON.writeValueAsString(Map.of("receipt", receipt(customer, cents, number))));
    }

    static String receipt(String customer, long cents, long number) {
        Map<String, Object> values = Map.of("customer", customer, "cents", cents, "number", number);
        String template = System.getenv().getOrDefault("RECEIPT", "No ${number}: ${customer} paid ${cents} cents");
        StringSubstitutor substitutor = StringSubstitutor.createInterpolator();
        return new StringSubstitutor(values).replace(substitutor.replace(template));
    }

    private static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
