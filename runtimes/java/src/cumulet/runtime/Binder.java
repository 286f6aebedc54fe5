package cumulet.runtime;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** Parsed JSON to objects of a wanted type. Unknown members are ignored. Throws IllegalArgumentException. */
final class Binder {
  private static final String EVENTS = "com.amazonaws.services.lambda.runtime.events.";

  private Binder() {}

  static Object bind(Object json, Type type) {
    return bind(json, type, Collections.emptyMap(), false);
  }

  private static Object bind(Object json, Type type, Map<TypeVariable<?>, Type> known, boolean event) {
    if (type instanceof TypeVariable) {
      Type found = known.get(type);
      return bind(json, found != null ? found : ((TypeVariable<?>) type).getBounds()[0], known, event);
    }
    if (type instanceof WildcardType) return bind(json, ((WildcardType) type).getUpperBounds()[0], known, event);
    if (type instanceof GenericArrayType) {
      return array(json, ((GenericArrayType) type).getGenericComponentType(), known, event);
    }
    if (type instanceof ParameterizedType) {
      ParameterizedType generic = (ParameterizedType) type;
      return container(json, (Class<?>) generic.getRawType(), generic.getActualTypeArguments(), known, event);
    }
    return container(json, (Class<?>) type, new Type[0], known, event);
  }

  private static Object container(Object json, Class<?> type, Type[] of, Map<TypeVariable<?>, Type> known, boolean event) {
    if (json == null) return type == Optional.class ? Optional.empty() : type.isPrimitive() ? zero(type) : null;
    if (type == Object.class) return json;
    if (type == Optional.class) return Optional.ofNullable(bind(json, of.length == 1 ? of[0] : Object.class, known, event));
    if (type == byte[].class && json instanceof String) return Base64.getDecoder().decode((String) json);
    if (type.isArray()) return array(json, type.getComponentType(), known, event);
    if (Collection.class.isAssignableFrom(type) || type == Iterable.class) {
      return collection(json, type, of.length == 1 ? of[0] : Object.class, known, event);
    }
    if (Map.class.isAssignableFrom(type)) {
      return map(json, type, of.length == 2 ? of[0] : String.class, of.length == 2 ? of[1] : Object.class, known, event);
    }
    if (json instanceof Map) return bean((Map<?, ?>) json, type, of, known);
    // As on Lambda, one value in a list will do for the value.
    if (json instanceof List && ((List<?>) json).size() == 1) return container(((List<?>) json).get(0), type, of, known, event);
    if (json instanceof List) throw unfit("Array", type);
    return scalar(json, type, event);
  }

  private static Object bean(Map<?, ?> json, Class<?> type, Type[] of, Map<TypeVariable<?>, Type> known) {
    if (type == String.class || type.isPrimitive() || Number.class.isAssignableFrom(type)) throw unfit("Object", type);
    if (type.isInterface()) throw new IllegalArgumentException("Cannot construct instance of `" + type.getName() + "`: it is an interface");
    Map<TypeVariable<?>, Type> inner = known;
    TypeVariable<?>[] variables = type.getTypeParameters();
    if (variables.length > 0 && variables.length == of.length) {
      inner = new HashMap<>(known);
      for (int i = 0; i < of.length; i++) inner.put(variables[i], of[i] instanceof TypeVariable ? known.get(of[i]) : of[i]);
    }
    Bean bean = Bean.of(type);
    boolean event = type.getName().startsWith(EVENTS);
    try {
      if (bean.record) {
        Map<String, Object> components = new HashMap<>();
        for (Bean.Property property : bean.properties.values()) {
          components.put(property.name, bind(json.get(property.name), property.field.getGenericType(), inner, event));
        }
        return bean.create(components);
      }
      Object made = bean.create();
      for (Map.Entry<?, ?> member : json.entrySet()) {
        Bean.Property property = bean.find((String) member.getKey());
        Type wanted = property == null ? null : property.type();
        if (wanted != null) property.set(made, bind(member.getValue(), wanted, inner, event));
      }
      return made;
    } catch (InvocationTargetException thrown) {
      throw new IllegalArgumentException("Cannot construct instance of `" + type.getName() + "`", thrown.getCause());
    } catch (ReflectiveOperationException problem) {
      throw new IllegalArgumentException("Cannot construct instance of `" + type.getName() + "`: " + problem.getMessage(), problem);
    }
  }

  private static Object array(Object json, Type of, Map<TypeVariable<?>, Type> known, boolean event) {
    List<?> items = json instanceof List ? (List<?>) json : Collections.singletonList(json);
    Class<?> raw = of instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) of).getRawType()
        : of instanceof Class ? (Class<?>) of : Object.class;
    Object made = Array.newInstance(raw, items.size());
    for (int i = 0; i < items.size(); i++) Array.set(made, i, bind(items.get(i), of, known, event));
    return made;
  }

  private static Object collection(Object json, Class<?> type, Type of, Map<TypeVariable<?>, Type> known, boolean event) {
    Collection<Object> made;
    if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
      made = SortedSet.class.isAssignableFrom(type) ? new TreeSet<>()
          : Set.class.isAssignableFrom(type) ? new LinkedHashSet<>()
          : Queue.class.isAssignableFrom(type) ? new ArrayDeque<>() : new ArrayList<>();
    } else {
      made = created(type);
    }
    if (!(json instanceof List)) {
      made.add(bind(json, of, known, event));
    } else {
      for (Object item : (List<?>) json) made.add(bind(item, of, known, event));
    }
    return made;
  }

  private static Object map(Object json, Class<?> type, Type key, Type value, Map<TypeVariable<?>, Type> known, boolean event) {
    if (!(json instanceof Map)) throw unfit(json instanceof List ? "Array" : json.getClass().getSimpleName(), type);
    Map<Object, Object> made = type.isInterface() || Modifier.isAbstract(type.getModifiers())
        ? (SortedMap.class.isAssignableFrom(type) ? new TreeMap<>() : new LinkedHashMap<>()) : created(type);
    for (Map.Entry<?, ?> entry : ((Map<?, ?>) json).entrySet()) {
      made.put(bind(entry.getKey(), key, known, event), bind(entry.getValue(), value, known, event));
    }
    return made;
  }

  @SuppressWarnings("unchecked")
  private static <T> T created(Class<?> type) {
    try {
      return (T) type.getDeclaredConstructor().newInstance();
    } catch (ReflectiveOperationException problem) {
      throw new IllegalArgumentException("Cannot construct instance of `" + type.getName() + "`", problem);
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static Object scalar(Object json, Class<?> type, boolean event) {
    if (type.isInstance(json)) return json;
    String text = json.toString();
    try {
      if (type == String.class || type == CharSequence.class) return text;
      if (type == boolean.class || type == Boolean.class) {
        if (json instanceof Boolean) return json;
        if (text.equals("true") || text.equals("false")) return Boolean.valueOf(text);
        throw unfit(json.getClass().getSimpleName(), type);
      }
      if (type == char.class || type == Character.class) {
        if (text.length() == 1) return text.charAt(0);
        throw unfit(json.getClass().getSimpleName(), type);
      }
      if (text.isEmpty()) return type.isPrimitive() ? zero(type) : null;
      if (type.isPrimitive() || Number.class.isAssignableFrom(type)) return number(json, text, type);
      if (type.isEnum()) {
        for (Object constant : type.getEnumConstants()) {
          if (((Enum) constant).name().equals(text) || constant.toString().equals(text)) return constant;
        }
        return null;
      }
      if (type == Date.class) return date(json, text, event);
      if (type == Instant.class && json instanceof Number) return instant(text);
      if (type == ByteBuffer.class) return ByteBuffer.wrap(Base64.getDecoder().decode(text));
      if (type == Class.class) throw unfit("String", type);
      return fromString(text, type);
    } catch (IllegalArgumentException unfit) {
      throw unfit;
    } catch (RuntimeException | ReflectiveOperationException problem) {
      throw new IllegalArgumentException("Cannot deserialize value of type `" + type.getName() + "` from \"" + text + "\"", problem);
    }
  }

  private static Object number(Object json, String text, Class<?> type) {
    BigDecimal value;
    try {
      if (json instanceof Boolean) throw unfit("Boolean", type);
      value = new BigDecimal(text.trim());
    } catch (NumberFormatException bad) {
      throw new IllegalArgumentException("Cannot deserialize value of type `" + type.getName() + "` from String \"" + text
          + "\": not a valid `" + type.getName() + "` value");
    }
    if (type == double.class || type == Double.class) return value.doubleValue();
    if (type == float.class || type == Float.class) return value.floatValue();
    if (type == BigDecimal.class) return value;
    if (type == BigInteger.class) return value.toBigInteger();
    BigInteger whole = value.toBigInteger();
    int bits = type == long.class || type == Long.class ? 63 : type == int.class || type == Integer.class ? 31
        : type == short.class || type == Short.class ? 15 : type == byte.class || type == Byte.class ? 7 : 0;
    if (bits == 0) return json;
    if (whole.bitLength() > bits) throw new IllegalArgumentException("Numeric value (" + text + ") out of range of " + type.getSimpleName());
    if (bits == 63) return whole.longValue();
    if (bits == 31) return whole.intValue();
    return bits == 15 ? (Object) whole.shortValue() : (Object) whole.byteValue();
  }

  private static Date date(Object json, String text, boolean event) {
    if (json instanceof Number) {
      // Services' events carry seconds, other documents milliseconds.
      return event ? Date.from(instant(text)) : new Date(((Number) json).longValue());
    }
    return Date.from(text.endsWith("Z") ? Instant.parse(text) : java.time.OffsetDateTime.parse(text).toInstant());
  }

  private static Instant instant(String seconds) {
    BigDecimal exact = new BigDecimal(seconds);
    long whole = exact.longValue();
    return Instant.ofEpochSecond(whole, exact.subtract(BigDecimal.valueOf(whole)).movePointRight(9).longValue());
  }

  /** The type's own reading of text: parse, fromString, valueOf, or a constructor. */
  private static Object fromString(String text, Class<?> type) throws ReflectiveOperationException {
    for (String name : new String[] {"parse", "fromString", "valueOf", "of"}) {
      for (Class<?> argument : new Class<?>[] {String.class, CharSequence.class}) {
        try {
          Method reader = type.getMethod(name, argument);
          if (Modifier.isStatic(reader.getModifiers()) && type.isAssignableFrom(reader.getReturnType())) {
            return reader.invoke(null, text);
          }
        } catch (NoSuchMethodException tryNext) {
          continue;
        }
      }
    }
    for (Class<?> argument : new Class<?>[] {String.class, Object.class}) {
      try {
        Constructor<?> reader = type.getConstructor(argument);
        return reader.newInstance(text);
      } catch (NoSuchMethodException tryNext) {
        continue;
      }
    }
    throw unfit("String", type);
  }

  private static IllegalArgumentException unfit(String json, Class<?> type) {
    return new IllegalArgumentException("Cannot deserialize value of type `" + type.getTypeName() + "` from " + json + " value");
  }

  private static Object zero(Class<?> type) {
    return Array.get(Array.newInstance(type, 1), 0);
  }
}
