package cumulet.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** The function's handler, whatever its form: bytes in, bytes out. */
interface Handler {
  ByteArrayOutputStream handle(byte[] event, Context context) throws Throwable;

  /** Finds `package.Class` or `package.Class::method` among the function's classes. */
  static Handler load(String name) throws Throwable {
    ClassLoader loader = loader();
    Thread.currentThread().setContextClassLoader(loader);
    int colons = name.indexOf("::");
    String className = colons < 0 ? name : name.substring(0, colons);
    String methodName = colons < 0 ? null : name.substring(colons + 2);
    Class<?> type;
    try {
      type = Class.forName(className, true, loader);
    } catch (ClassNotFoundException missing) {
      throw new ClassNotFoundException("Class not found: " + className, missing);
    }
    boolean requests = RequestHandler.class.isAssignableFrom(type);
    boolean streams = RequestStreamHandler.class.isAssignableFrom(type);
    if (methodName == null && !requests && !streams) {
      throw new Fault("Runtime.HandlerNotFound",
          "Class " + className + " does not implement an appropriate handler interface");
    }
    boolean ofInterface = methodName == null || methodName.equals("handleRequest");
    if (ofInterface && streams) {
      RequestStreamHandler handler = (RequestStreamHandler) instance(type);
      return (event, context) -> {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        handler.handleRequest(new ByteArrayInputStream(event), out, context);
        return out;
      };
    }
    CustomPojoSerializer own = serializer(loader);
    if (ofInterface && requests) {
      Type[] types = arguments(type, RequestHandler.class, new HashMap<>());
      return typed(instance(type), own, types[0], types[1]);
    }
    return method(type, methodName, own);
  }

  /** The function's classes: its package, the jars of its `lib`, and those of its layers. */
  private static ClassLoader loader() throws MalformedURLException {
    List<URL> places = new ArrayList<>();
    String root = System.getenv("LAMBDA_TASK_ROOT");
    places.add(new File(root).toURI().toURL());
    for (String folder : new String[] {root + "/lib", "/opt/java/lib"}) {
      File[] jars = new File(folder).listFiles((in, file) -> file.endsWith(".jar"));
      if (jars == null) continue;
      Arrays.sort(jars);
      for (File jar : jars) places.add(jar.toURI().toURL());
    }
    return new URLClassLoader(places.toArray(new URL[0]), Handler.class.getClassLoader());
  }

  private static Object instance(Class<?> type) throws Throwable {
    try {
      return type.getConstructor().newInstance();
    } catch (NoSuchMethodException | InstantiationException none) {
      throw new Fault("Runtime.HandlerNotFound", "Class " + type.getName() + " has no public zero-argument constructor");
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  private static CustomPojoSerializer serializer(ClassLoader loader) {
    if (loader.getResource("META-INF/services/" + CustomPojoSerializer.class.getName()) == null) return null;
    return ServiceLoader.load(CustomPojoSerializer.class, loader).iterator().next();
  }

  @SuppressWarnings("unchecked")
  private static Handler typed(Object handler, CustomPojoSerializer own, Type in, Type out) {
    RequestHandler<Object, Object> typed = (RequestHandler<Object, Object>) handler;
    return (event, context) -> write(own, typed.handleRequest(read(own, event, in), context), out);
  }

  private static Handler method(Class<?> type, String name, CustomPojoSerializer own) throws Throwable {
    Method best = null;
    int bestRank = -1;
    for (Method method : type.getMethods()) {
      int rank = method.getName().equals(name) && !method.isBridge() ? rank(method.getParameterTypes()) : -1;
      if (rank > bestRank) {
        best = method;
        bestRank = rank;
      }
    }
    if (best == null) {
      throw new Fault("Runtime.HandlerNotFound", "No public method named " + name
          + " with appropriate method signature found on class " + type.getName());
    }
    Method method = best;
    method.setAccessible(true);
    Object target = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
    Class<?>[] parameters = method.getParameterTypes();
    Type[] types = method.getGenericParameterTypes();
    boolean streams = parameters.length > 1 && parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
    return (event, context) -> {
      ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
      Object[] values = new Object[parameters.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = parameters[i] == Context.class ? context
            : parameters[i] == InputStream.class ? new ByteArrayInputStream(event)
            : parameters[i] == OutputStream.class ? out : read(own, event, types[i]);
      }
      Object result;
      try {
        result = method.invoke(target, values);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
      return streams ? out : write(own, result, method.getGenericReturnType());
    };
  }

  /** Of several methods of a name, the one of the most parameters is taken, and rather one that takes the context. */
  private static int rank(Class<?>[] parameters) {
    int count = parameters.length;
    boolean context = count > 0 && parameters[count - 1] == Context.class;
    int rest = context ? count - 1 : count;
    boolean streams = rest == 2 && parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
    return rest > 1 && !streams ? -1 : 2 * count + (context ? 1 : 0);
  }

  private static Object read(CustomPojoSerializer own, byte[] event, Type type) {
    try {
      if (own != null) return own.fromJson(new ByteArrayInputStream(event), type);
      return Binder.bind(Json.parse(new String(event, StandardCharsets.UTF_8)), type);
    } catch (RuntimeException problem) {
      throw new RuntimeException("An error occurred during JSON parsing", problem);
    }
  }

  private static ByteArrayOutputStream write(CustomPojoSerializer own, Object value, Type type) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
    try {
      if (own != null) {
        own.toJson(value, out, type);
      } else {
        byte[] bytes = Writer.write(value).getBytes(StandardCharsets.UTF_8);
        out.write(bytes, 0, bytes.length);
      }
    } catch (RuntimeException problem) {
      throw new RuntimeException("An error occurred during JSON serialization of response", problem);
    }
    return out;
  }

  /** What `type`'s superclasses and interfaces give as the arguments of `wanted`; Object for what they leave open. */
  private static Type[] arguments(Type type, Class<?> wanted, Map<TypeVariable<?>, Type> known) {
    Class<?> raw = type instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) type).getRawType() : (Class<?>) type;
    Map<TypeVariable<?>, Type> here = new HashMap<>();
    if (type instanceof ParameterizedType) {
      Type[] given = ((ParameterizedType) type).getActualTypeArguments();
      for (int i = 0; i < given.length; i++) {
        here.put(raw.getTypeParameters()[i], given[i] instanceof TypeVariable ? known.get(given[i]) : given[i]);
      }
    }
    if (raw == wanted) {
      Type[] found = new Type[wanted.getTypeParameters().length];
      for (int i = 0; i < found.length; i++) {
        Type one = here.get(wanted.getTypeParameters()[i]);
        found[i] = one == null ? Object.class : one;
      }
      return found;
    }
    List<Type> above = new ArrayList<>(Arrays.asList(raw.getGenericInterfaces()));
    if (raw.getGenericSuperclass() != null) above.add(raw.getGenericSuperclass());
    for (Type one : above) {
      Class<?> candidate = one instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) one).getRawType() : (Class<?>) one;
      if (wanted.isAssignableFrom(candidate)) return arguments(one, wanted, here);
    }
    throw new IllegalStateException(raw + " is no " + wanted);
  }
}
