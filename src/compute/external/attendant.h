#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "compute/sandbox/life.h"

namespace cumulet::compute::external {

/// What a sandbox's program is launched with: see launcher_program.cc.
struct Launch {
  std::vector<std::string> command;                         ///< The runtime; an absolute path.
  std::vector<std::pair<std::string, std::string>> files;   ///< Name and content, below the workplace.
  std::vector<std::pair<sandbox::Fd, std::string>> mounts;  ///< And where, below the workplace. The root comes first.
  sandbox::Fd output;                                       ///< Inherited by the program as its output.
  std::uint32_t user = 0;                                   ///< See LaunchMessage.
  std::string greeting;                                     ///< What the guest is told first.
  SteadyTime deadline{};                                    ///< When it must have started.
};

/// A sandbox that waits to be launched: its life, and the ends of its channels that are not the engine's.
struct Prepared {
  Launch launch;
  std::shared_ptr<sandbox::Life> life;
  sandbox::Fd orders;   ///< The other end of life->control.
  sandbox::Fd control;  ///< Listens where the guest connects to.
};

/// Removes the groups that the program has made below the sandbox's.
void remove_inner_groups(const sandbox::GroupSet& groups);

/// Looks after one sandbox that another program builds, on a thread of its own: launches the program, relays between
/// the sandbox's life and the guest, and when the program has ended sees to it that all else of the sandbox has, too.
/// (The kernel ends the program with the thread that launched it, so it goes with the server, however that ends.)
class Attendant {
 public:
  Attendant(Prepared prepared, const sandbox::Fd& launcher);
  ~Attendant();  ///< Waits for the end: kill the life first.
  Attendant(const Attendant&) = delete;
  Attendant& operator=(const Attendant&) = delete;

  const sandbox::Life& life() const { return *prepared_.life; }
  std::shared_ptr<sandbox::Life> share_life() const { return prepared_.life; }

 private:
  void run();
  Result<void> launch();
  bool greet();
  bool send_greeting();
  void pass_on(char order);
  void relay();
  bool read_report();
  void clear_up();
  std::string last_words() const;

  Prepared prepared_;
  const sandbox::Fd& launcher_;
  sandbox::Fd log_;
  sandbox::Fd pidfd_;
  int pid_ = 0;
  sandbox::Fd guest_;
  sandbox::Report report_;        // what has come of the next one
  std::size_t report_bytes_ = 0;  // so many bytes
  std::thread thread_;
};

}  // namespace cumulet::compute::external
