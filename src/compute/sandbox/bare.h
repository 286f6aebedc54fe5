#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/// The little that a program without a C library needs: system calls, and the functions that compilers call by
/// themselves. Results are the kernel's: negative errno values are failures.
namespace bare {

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
#else
#error "The sandbox knows x86-64 and AArch64."
#endif
}

template <typename T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] inline void exit(int status) {
  for (;;) call(SYS_exit_group, status);
}

inline size_t length(const char* text) {
  size_t n = 0;
  while (text[n] != 0) ++n;
  return n;
}

}  // namespace bare

extern "C" {
// NOLINTBEGIN: the names and types are the compiler's.
inline __attribute__((used, noinline)) void* memcpy(void* to, const void* from, size_t count) {
  char* t = static_cast<char*>(to);
  const char* f = static_cast<const char*>(from);
  for (size_t i = 0; i < count; ++i) {
    t[i] = f[i];
    asm volatile("" ::: "memory");  // or the loop becomes a call of itself
  }
  return to;
}
inline __attribute__((used, noinline)) void* memset(void* to, int value, size_t count) {
  char* t = static_cast<char*>(to);
  for (size_t i = 0; i < count; ++i) {
    t[i] = static_cast<char>(value);
    asm volatile("" ::: "memory");
  }
  return to;
}
// NOLINTEND
}
