package org.interledger.rafiki.client;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.erdtman.jcs.JsonCanonicalizer;

/**
 * Whether a webhook is from the node: {@code Rafiki-Signature: t=<unix ms>, v1=<hex HMAC-SHA256>}.
 *
 * <p>Signed is {@code <t>.} and the body's RFC 8785 form.
 */
public final class Webhooks {

  /** The header that carries the signature. */
  public static final String HEADER = "Rafiki-Signature";

  /** How far a signature's time may be from ours, either way. */
  public static final Duration TOLERANCE = Duration.ofMinutes(5);

  private static final int HEADER_CHARACTERS_MAX = 1024;
  private static final Pattern TIME = Pattern.compile("[0-9]{1,15}");
  private static final Pattern DIGEST = Pattern.compile("[0-9a-fA-F]{64}");

  private Webhooks() {}

  /** The webhook is not from the node, or not of now: answer 401 and act on nothing. */
  public static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;

    RefusedException(String why) {
      super(why);
    }
  }

  /**
   * The event in a webhook's body (its members id, type and data), once its signature is verified.
   *
   * @param header value of the header {@code Rafiki-Signature}; null when there is none
   * @param body the bytes as received
   * @param secret the node's SIGNATURE_SECRET
   * @param now the time: {@code Instant.now()}
   */
  public static JsonObject verify(String header, byte[] body, String secret, Instant now)
      throws RefusedException {
    Map<String, String> parts = parse(header == null ? "" : header);
    String time = parts.getOrDefault("t", "");
    String digest = parts.getOrDefault("v1", "");
    if (!TIME.matcher(time).matches() || !DIGEST.matcher(digest).matches()) {
      throw new RefusedException("the signature header is malformed");
    }
    long signedAt = Long.parseLong(time);
    if (Math.abs(now.toEpochMilli() - signedAt) > TOLERANCE.toMillis()) {
      throw new RefusedException("the signature's time is not near ours");
    }
    byte[] expected = sign(signedAt + ".", canonical(body), secret);
    if (!MessageDigest.isEqual(expected, HexFormat.of().parseHex(digest))) {
      throw new RefusedException("the signature does not match");
    }
    try {
      return JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException other) {
      throw new RefusedException("the body is no JSON object");
    }
  }

  private static Map<String, String> parse(String header) {
    Map<String, String> parts = new HashMap<>();
    if (header.length() <= HEADER_CHARACTERS_MAX) {
      for (String part : header.split(",")) {
        String[] pair = part.strip().split("=", 2);
        parts.put(pair[0], pair.length == 2 ? pair[1] : "");
      }
    }
    return parts;
  }

  private static byte[] canonical(byte[] body) throws RefusedException {
    try {
      return new JsonCanonicalizer(body).getEncodedUTF8();
    } catch (IOException | RuntimeException malformed) {
      throw new RefusedException("the body is not JSON");
    }
  }

  private static byte[] sign(String time, byte[] canonical, String secret) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      mac.update(time.getBytes(StandardCharsets.US_ASCII));
      return mac.doFinal(canonical);
    } catch (GeneralSecurityException missing) {
      throw new IllegalStateException("every Java has HMAC-SHA256", missing);
    }
  }
}
