import java.util.Map;

/** Says hello. */
public class Index {
  public Map<String, Object> handler(Map<String, Object> event) {
    return Map.of("statusCode", 200, "body", "hello");
  }
}
