package shop.settlement;

import com.google.common.collect.ImmutableMap;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.yaml.snakeyaml.Yaml;

/** Sums the day's charges by account, every night. */
public final class Settlement {
    private static final Logger LOG = LoggerFactory.getLogger(Settlement.class);

    private Settlement() {}

    public static void main(String[] arguments) throws IOException {
        String text = FileUtils.readFileToString(new File(arguments[0]), StandardCharsets.UTF_8);
        Map<String, Integer> charges = new Yaml().load(text);
        Map<String, Integer> sums = ImmutableMap.copyOf(charges);
        int total = sums.values().stream().mapToInt(Integer::intValue).sum();
        LOG.info("{} accounts, {} cents", sums.size(), total);
    }
}
