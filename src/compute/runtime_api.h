#pragma once

#include <memory>
#include <string>

#include "base/task.h"
#include "compute/response_stream.h"
#include "net/http.h"

namespace cumulet::compute {

class CodeCacheUse;
class Extensions;

/// What an execution environment does on the requests of its runtime. All calls come on the environment's loop.
class RuntimeSide {
 public:
  enum class Verdict {
    kAccepted,
    kInvalidId,     ///< No invocation of that id runs.
    kInvalidState,  ///< Not now: answered already, or initialised already.
  };

  virtual ~RuntimeSide() = default;
  /// Waits for the next invocation, without limit, and gives the answer that carries it.
  virtual Task<net::Response> next() = 0;
  virtual Verdict may_answer(const std::string& request_id) const = 0;
  virtual Verdict responded(const std::string& request_id, std::string payload, std::string content_type) = 0;
  /// A streamed response begins, after `may_answer`. Null when the caller wants it as a whole.
  virtual std::shared_ptr<ResponseStream> begin_stream(const std::string& content_type) = 0;
  /// The streamed response is complete, has failed, or was cut off (`whole` is false).
  virtual void end_stream(const std::string& request_id, ResponseEnd how, bool whole) = 0;
  /// `type` as the runtime gave it: hostile text.
  virtual Verdict failed(const std::string& request_id, std::string document, const std::string& type) = 0;
  virtual Verdict too_large(const std::string& request_id) = 0;
  virtual Verdict initialisation_failed(std::string document, const std::string& type) = 0;
  /// Whether it is kept as a snapshot once it has initialised. Only then are there the requests about that:
  virtual bool snap_start() const = 0;
  /// Initialised, the hooks before the snapshot included. Waits, without limit, until it is restored.
  virtual Task<net::Response> restore_next() = 0;
  virtual Verdict restore_failed(std::string document, const std::string& type) = 0;
  /// The function's credentials of now: those it began with may have expired in the snapshot.
  virtual Task<net::Response> credentials(const std::string& token) = 0;
  /// Null when the environment has ended.
  virtual std::shared_ptr<Extensions> extensions() = 0;
  /// Null for runtimes that have none.
  virtual std::shared_ptr<CodeCacheUse> code_cache() = 0;
};

/// Answers one request of the Runtime API, version 2018-06-01. What comes in was written by the function: paths, ids
/// and sizes are checked, and whatever is wrong gets a 4xx.
Task<net::Response> answer_runtime(std::shared_ptr<RuntimeSide> environment, net::Request& request);

}  // namespace cumulet::compute
