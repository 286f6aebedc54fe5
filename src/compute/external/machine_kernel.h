#pragma once

#include <cstdlib>
#include <ctime>

#include <dirent.h>
#include <linux/random.h>
#include <net/if.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/syscall.h>

#include "compute/external/machine_base.h"
#include "compute/external/machine_relay.h"

/// What process 1 of a microVM asks of its kernel before there are programs: modules, network, clock, randomness. Part
/// of machine_program.cc.
namespace cumulet::compute::external {

inline constexpr std::int64_t kClockTolerance = 100'000'000;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kTried = 20 * kMillisecond;

inline volatile std::sig_atomic_t alarm_rang = 0;
inline void ring(int) { alarm_rang = 1; }

inline std::int64_t clock_now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

/// How long a timer of kTried takes, of the time in which the machine's processor ran.
inline std::int64_t time_alarm() {
  alarm_rang = 0;
  const itimerval once{{0, 0}, {0, kTried / 1000}};
  setitimer(ITIMER_REAL, &once, nullptr);
  std::int64_t ran = 0;
  for (std::int64_t last = clock_now(CLOCK_MONOTONIC); alarm_rang == 0 && ran < 15 * kTried;) {
    const std::int64_t now = clock_now(CLOCK_MONOTONIC);
    ran += now - last < kMillisecond ? now - last : kMillisecond;
    last = now;
  }
  return ran;
}

/// The kernel measures the rate of the processor's timer when it boots. Where an emulated machine does not run for a
/// while just then, the result is wrong, or the kernel does without the timer, and waits for ever sooner or later.
/// Then the machine boots once more.
inline void check_timers() {
  std::signal(SIGALRM, ring);
  for (int i = 0; i < 3; ++i) {
    if (time_alarm() > kTried * 3 / 2) continue;
    std::signal(SIGALRM, SIG_DFL);
    return;
  }
  dprintf(2, "the timer of the machine does not work: it boots again\n");
  reboot(RB_AUTOBOOT);
}

inline int is_module(const dirent* entry) { return entry->d_name[0] != '.' ? 1 : 0; }

/// The server has numbered them in the order in which they need each other.
inline void load_modules() {
  dirent** names = nullptr;
  const int count = scandir("/modules", &names, is_module, alphasort);
  for (int i = 0; i < count; ++i) {
    char path[300];
    std::snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    must(file >= 0 && (syscall(SYS_finit_module, file, "", 0) == 0 || errno == EEXIST), "load ", path);
    close(file);
    unlink(path);
    std::free(names[i]);
  }
  std::free(names);
}

inline void raise_interface(const char* name, const char* address) {
  const int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  const sockaddr_in own = tcp_address(address, 0);
  const sockaddr_in mask = tcp_address("255.255.255.0", 0);
  if (std::strcmp(name, "lo") != 0) {
    std::memcpy(&request.ifr_addr, &own, sizeof own);
    must(ioctl(query, SIOCSIFADDR, &request) == 0, "set the address of ", name);
    std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
    must(ioctl(query, SIOCSIFNETMASK, &request) == 0, "set the network of ", name);
  }
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  must(ioctl(query, SIOCSIFFLAGS, &request) == 0, "raise the interface ", name);
  close(query);
}

inline void route_everything() {
  const int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  rtentry route{};
  const sockaddr_in any = tcp_address("0.0.0.0", 0);
  const sockaddr_in gateway = tcp_address(kGatewayAddress, 0);
  std::memcpy(&route.rt_dst, &any, sizeof any);
  std::memcpy(&route.rt_genmask, &any, sizeof any);
  std::memcpy(&route.rt_gateway, &gateway, sizeof gateway);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  must(ioctl(query, SIOCADDRT, &route) == 0, "set the route");
  close(query);
}

inline void set_clock(std::int64_t nanoseconds) {
  const std::int64_t off = clock_now(CLOCK_REALTIME) - nanoseconds;
  // What is told has been on its way for a while: a clock that is right stays as it is.
  if (off > -kClockTolerance && off < kClockTolerance) return;
  const timespec right{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  clock_settime(CLOCK_REALTIME, &right);
}

inline void add_entropy(const unsigned char (&seed)[32]) {
  alignas(rand_pool_info) static char pool[sizeof(rand_pool_info) + sizeof seed];
  auto* const head = reinterpret_cast<rand_pool_info*>(pool);
  head->entropy_count = 8 * sizeof seed;
  head->buf_size = sizeof seed;
  std::memcpy(head->buf, seed, sizeof seed);
  const int device = open("/dev/urandom", O_RDWR | O_CLOEXEC);
  if (device >= 0) ioctl(device, RNDADDENTROPY, head);
  close(device);
}

/// The kernel takes no module any more, and says nothing that a program could provoke.
inline void close_kernel() {
  write_text("/proc/sys/kernel/modules_disabled", "1");
  write_text("/proc/sys/kernel/dmesg_restrict", "1");
  write_text("/proc/sys/kernel/kptr_restrict", "2");
  klogctl(8, nullptr, 1);  // SYSLOG_ACTION_CONSOLE_LEVEL
}

inline int is_port(const dirent* entry) { return std::strncmp(entry->d_name, "vport", 5) == 0 ? 1 : 0; }

/// The port of the virtual console: there is one, numbered by its device. It appears some time after its driver.
inline int open_console() {
  for (int i = 0; i < 4000; ++i) {
    dirent** names = nullptr;
    if (scandir("/dev", &names, is_port, nullptr) > 0) {
      char path[300];
      std::snprintf(path, sizeof path, "/dev/%s", names[0]->d_name);
      const int port = open(path, O_RDWR | O_CLOEXEC);
      if (port >= 0) return port;
    }
    usleep(5000);
  }
  give_up("open the virtual console");
}

}  // namespace cumulet::compute::external
