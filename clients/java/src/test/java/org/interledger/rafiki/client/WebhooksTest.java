package org.interledger.rafiki.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class WebhooksTest {

  @TestFactory
  Stream<DynamicTest> theVectorsOfAllClients() throws IOException {
    String text = Files.readString(Path.of("../vectors/webhooks.json"));
    JsonObject vectors = JsonParser.parseString(text).getAsJsonObject();
    String secret = vectors.get("secret").getAsString();
    return StreamSupport.stream(vectors.getAsJsonArray("cases").spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .map(each -> DynamicTest.dynamicTest(each.get("name").getAsString(), () -> check(each, secret)));
  }

  private static void check(JsonObject each, String secret) throws Exception {
    String body = each.get("body").getAsString();
    Instant now = Instant.ofEpochMilli(each.get("now_ms").getAsLong());
    String header = each.get("header").getAsString();
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    if (each.get("valid").getAsBoolean()) {
      assertEquals(JsonParser.parseString(body), Webhooks.verify(header, bytes, secret, now));
    } else {
      assertThrows(
          Webhooks.RefusedException.class, () -> Webhooks.verify(header, bytes, secret, now));
    }
  }
}
