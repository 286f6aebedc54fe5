package cumulet.runtime;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The properties of a class, as JavaBeans has them: accessors, then public fields; the components of a record. */
final class Bean {
  private static final Map<Class<?>, Bean> KNOWN = new HashMap<>();

  /** One property; what it lacks is null. */
  static final class Property {
    final String name;
    Method getter;
    Method setter;
    Field field;

    Property(String name) {
      this.name = name;
    }

    Type type() {
      return setter != null ? setter.getGenericParameterTypes()[0] : field != null ? field.getGenericType() : null;
    }

    void set(Object bean, Object value) throws ReflectiveOperationException {
      if (setter != null) {
        setter.invoke(bean, value);
      } else {
        field.set(bean, value);
      }
    }

    Object get(Object bean) throws ReflectiveOperationException {
      return getter != null ? getter.invoke(bean) : field.get(bean);
    }
  }

  final Class<?> type;
  final boolean record;
  final Map<String, Property> properties = new LinkedHashMap<>();
  private final Map<String, Property> anyCase = new HashMap<>();
  private Constructor<?> constructor;

  static synchronized Bean of(Class<?> type) {
    Bean bean = KNOWN.get(type);
    if (bean == null) KNOWN.put(type, bean = new Bean(type));
    return bean;
  }

  private Bean(Class<?> type) {
    this.type = type;
    record = type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
    if (record) {
      readRecord();
    } else {
      readAccessors();
    }
    for (Property property : properties.values()) anyCase.putIfAbsent(property.name.toLowerCase(Locale.ROOT), property);
  }

  /** By its exact name, else whatever the case: events write Records, eventSourceARN and the like. */
  Property find(String name) {
    Property exact = properties.get(name);
    return exact != null ? exact : anyCase.get(name.toLowerCase(Locale.ROOT));
  }

  /** A new object; a class without a constructor of no arguments gets none of its constructors run. */
  @SuppressWarnings("sunapi")
  Object create() throws ReflectiveOperationException {
    if (constructor == null) {
      Constructor<?> found;
      try {
        found = type.getDeclaredConstructor();
      } catch (NoSuchMethodException none) {
        if (Modifier.isAbstract(type.getModifiers())) {
          throw new IllegalArgumentException("Cannot construct instance of `" + type.getName() + "`: it is abstract");
        }
        found = sun.reflect.ReflectionFactory.getReflectionFactory()
            .newConstructorForSerialization(type, Object.class.getDeclaredConstructor());
      }
      found.setAccessible(true);
      constructor = found;
    }
    return constructor.newInstance();
  }

  /** A new record of these components. */
  Object create(Map<String, Object> components) throws ReflectiveOperationException {
    if (constructor == null) {
      Class<?>[] types = properties.values().stream().map(p -> p.field.getType()).toArray(Class<?>[]::new);
      constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
    }
    List<Object> values = new ArrayList<>();
    for (String name : properties.keySet()) values.add(components.get(name));
    return constructor.newInstance(values.toArray());
  }

  private void readRecord() {
    for (Field field : type.getDeclaredFields()) {
      if (Modifier.isStatic(field.getModifiers())) continue;
      field.setAccessible(true);
      property(field.getName()).field = field;
    }
  }

  private void readAccessors() {
    for (Method method : type.getMethods()) {
      if (Modifier.isStatic(method.getModifiers()) || method.isBridge() || method.getDeclaringClass() == Object.class) continue;
      String name = method.getName();
      int count = method.getParameterCount();
      if (count == 1 && name.length() > 3 && name.startsWith("set")) {
        Property property = property(decapitalized(name.substring(3)));
        // Of several setters, the one of the getter's type.
        if (property.setter == null || fits(property.getter, method)) property.setter = accessible(method);
      } else if (count == 0 && name.length() > 3 && name.startsWith("get") && method.getReturnType() != void.class) {
        Property property = property(decapitalized(name.substring(3)));
        property.getter = accessible(method);
      } else if (count == 0 && name.length() > 2 && name.startsWith("is") && method.getReturnType() == boolean.class) {
        Property property = property(decapitalized(name.substring(2)));
        if (property.getter == null) property.getter = accessible(method);
      }
    }
    for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
      for (Field field : at.getDeclaredFields()) {
        int modifiers = field.getModifiers();
        if (Modifier.isStatic(modifiers) || Modifier.isTransient(modifiers) || field.isSynthetic()) continue;
        Property known = find(field);
        if (known == null && !Modifier.isPublic(modifiers)) continue;
        if (known == null) known = property(field.getName());
        if (known.field != null) continue;
        field.setAccessible(true);
        known.field = field;
      }
    }
  }

  private Property find(Field field) {
    for (Property property : properties.values()) {
      if (property.name.equalsIgnoreCase(field.getName())) return property;
    }
    return null;
  }

  private Property property(String name) {
    return properties.computeIfAbsent(name, Property::new);
  }

  private static boolean fits(Method getter, Method setter) {
    return getter != null && getter.getReturnType() == setter.getParameterTypes()[0];
  }

  private static Method accessible(Method method) {
    method.setAccessible(true);
    return method;
  }

  private static String decapitalized(String name) {
    if (name.length() > 1 && Character.isUpperCase(name.charAt(0)) && Character.isUpperCase(name.charAt(1))) return name;
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }
}
