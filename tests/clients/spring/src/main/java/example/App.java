package example;

import java.util.Map;
import java.util.function.Function;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** A function as Spring's users write it: a bean, and nothing of Lambda. */
@SpringBootApplication
public class App {
  public record Greeting(String greeting, int letters) {}

  public static void main(String[] arguments) {
    SpringApplication.run(App.class, arguments);
  }

  @Bean
  public Function<Map<String, String>, Greeting> greet() {
    return event -> {
      String name = event.get("name");
      if (name == null) throw new IllegalArgumentException("nobody to greet");
      return new Greeting("hello " + name, name.length());
    };
  }
}
