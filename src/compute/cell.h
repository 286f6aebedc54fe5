#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "base/thread_pool.h"
#include "compute/catalogue.h"
#include "compute/client_folders.h"
#include "compute/egress/gateway.h"
#include "compute/engine.h"
#include "compute/output.h"
#include "compute/runtime_api.h"
#include "compute/runtime_images.h"
#include "compute/runtime_root.h"
#include "compute/sandbox.h"

namespace cumulet::compute {

class CodeCaches;

/// What all environments of an engine share. Lives longer than they.
struct EngineParts {
  EngineParts(net::Loops& l, net::Server& s, Substrate& sub, const Clock& c, const EngineHooks& h,
              const EngineOptions& o)
      : loops(l), server(s), substrate(sub), clock(c), hooks(h), options(o) {}
  net::Loops& loops;
  net::Server& server;
  Substrate& substrate;
  const Clock& clock;
  const EngineHooks& hooks;
  const EngineOptions& options;
  const Catalogue* catalogue = nullptr;
  ClientFolders* clients = nullptr;
  std::optional<RuntimeRoot> root;
  std::shared_ptr<OutputPump> pump;
  egress::Gateway* gateway = nullptr;  ///< Null: no function has egress.
  ThreadPool* files = nullptr;         ///< For merging layers.
  CodeCaches* code_caches = nullptr;
  std::filesystem::path extension_host;  ///< The folder of the program that runs extensions.
};

/// Where requests of a sandbox's runtime arrive, before and after it is known which function it runs for. A parked
/// runtime waits with `GET /2018-06-01/park` for the variables of its function.
struct RuntimeDoor {
  std::shared_ptr<RuntimeSide> side;              ///< Null while nobody uses the sandbox.
  std::optional<Deferred<net::Response>> parked;  ///< The runtime waits to be told its function.
  std::function<void()> many_lines;               ///< See Output.
};

/// A sandbox with what belongs to it on our side: its listeners, its output, the news of its end. Calls come on its
/// loop.
class Cell {
 public:
  /// Starts a sandbox and serves its listeners on that loop, which must be the current one.
  /// With a way out to the internet, if `egress`.
  static Task<std::unique_ptr<Cell>> make(EngineParts& parts, SandboxSpec spec, std::size_t loop_index,
                                          bool egress = false);
  Cell(EngineParts& parts, std::unique_ptr<Sandbox> sandbox, std::size_t loop_index);
  ~Cell();  ///< After its processes have ended: `close` and `exit` come first.

  /// No more requests of the runtime are answered, and a parked one is told so.
  void close();

  Sandbox& sandbox() { return *sandbox_; }
  Output& output() { return *output_; }
  RuntimeDoor& door() { return *door_; }
  const Deferred<SandboxExit>& exit() const { return exit_; }
  std::size_t loop_index() const { return loop_index_; }
  /// Removed with the cell: `task` in it is what a parked sandbox shows at /var/task. Empty: none.
  std::filesystem::path folder;
  bool waits_for_command = false;             ///< Nothing runs in it yet.
  std::shared_ptr<egress::Exit> way_out;      ///< To the internet. Null: none.
  std::shared_ptr<const RuntimeImage> image;  ///< The root of its runtime, kept while it runs. Null: the host's files.

 private:
  EngineParts& parts_;
  std::unique_ptr<Sandbox> sandbox_;
  const std::size_t loop_index_;
  std::shared_ptr<RuntimeDoor> door_ = std::make_shared<RuntimeDoor>();
  std::shared_ptr<Output> output_;
  std::vector<std::uint64_t> listeners_;
  Deferred<SandboxExit> exit_;
};

/// Gives a sandbox that runs already its way out to the internet.
Task<std::shared_ptr<egress::Exit>> open_way_out(EngineParts& parts, int network);

}  // namespace cumulet::compute
