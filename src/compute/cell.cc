#include "compute/cell.h"

#include "compute/reports.h"

namespace cumulet::compute {
namespace {

Task<net::Response> park(std::shared_ptr<RuntimeDoor> door) {
  if (door->side || door->parked) {
    co_return net::Response(403, "application/json", error_document("InvalidStateTransition", "Not parked"));
  }
  door->parked.emplace();
  const Deferred<net::Response> parked = *door->parked;
  co_return co_await parked.wait();
}

Task<net::Response> refuse() {
  co_return net::Response(403, "application/json", error_document("InvalidStateTransition", "No function yet"));
}

const Error kNoWayOut("Sandbox.Failure", 500, "this kind of sandbox has no egress");

Result<std::shared_ptr<egress::Exit>> attach(EngineParts& parts, int network) {
  if (parts.gateway == nullptr) return Error("Sandbox.Failure", 500, "this server gives no function egress");
  const Result<std::uint64_t> site = parts.gateway->attach(network);
  if (!site) return site.error();
  return std::make_shared<egress::Exit>(*parts.gateway, *site);
}

}  // namespace

Task<std::unique_ptr<Cell>> Cell::make(EngineParts& parts, SandboxSpec spec, std::size_t loop_index, bool egress) {
  const auto way_out = std::make_shared<std::shared_ptr<egress::Exit>>();
  if (egress) {
    spec.prepare_network = [&parts, way_out](int network) -> Result<void> {
      Result<std::shared_ptr<egress::Exit>> opened = attach(parts, network);
      if (!opened) return std::move(opened).error();
      *way_out = std::move(opened).value();
      return {};
    };
  }
  std::unique_ptr<Sandbox> sandbox = co_await parts.substrate.start(std::move(spec));
  auto cell = std::make_unique<Cell>(parts, std::move(sandbox), loop_index);
  if (egress && !*way_out) co_await fail(kNoWayOut);
  cell->way_out = *way_out;
  co_return cell;
}

Task<std::shared_ptr<egress::Exit>> open_way_out(EngineParts& parts, int network) {
  if (network < 0) co_await fail(kNoWayOut);
  const auto open = [&parts, network] { return attach(parts, network); };
  co_return co_await blocking(*parts.files, open);
}

Cell::Cell(EngineParts& parts, std::unique_ptr<Sandbox> sandbox, std::size_t loop_index)
    : parts_(parts), sandbox_(std::move(sandbox)), loop_index_(loop_index) {
  const std::vector<int> sockets = sandbox_->take_listeners();
  if (!sockets.empty()) {
    listeners_.push_back(parts_.server.serve(sockets[0], loop_index_, [door = door_](net::Request& request) {
      if (request.path == "/2018-06-01/park") return park(door);
      if (!door->side) return refuse();
      return answer_runtime(door->side, request);
    }));
  }
  for (std::size_t i = 1; i < sockets.size(); ++i) {
    listeners_.push_back(parts_.server.serve(sockets[i], loop_index_, parts_.hooks.platform));
  }
  Loop* const loop = &parts_.loops.at(loop_index_);
  output_ = std::make_shared<Output>(sandbox_->take_output(), parts_.clock, [door = door_, loop] {
    loop->post([door] {
      if (door->many_lines) door->many_lines();
    });
  });
  parts_.pump->add(output_);
  const Deferred<SandboxExit> exit = exit_;
  start(sandbox_->exited(), [exit](Result<SandboxExit> how) { exit.resolve(std::move(how)); });
}

Cell::~Cell() {
  close();
  parts_.pump->remove(*output_);
  sandbox_.reset();
  std::error_code ignored;
  if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
}

void Cell::close() {
  for (const std::uint64_t listener : listeners_) parts_.server.close_listener(listener);
  listeners_.clear();
  door_->side.reset();
  door_->many_lines = nullptr;
  if (!door_->parked) return;
  const Deferred<net::Response> parked = *door_->parked;
  door_->parked.reset();
  parked.resolve(net::Response(500, "application/json", error_document("InternalServerError", "The sandbox ends")));
}

}  // namespace cumulet::compute
