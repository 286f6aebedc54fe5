#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "net/client.h"
#include "wire/client.h"
#include "wire/sigv4.h"

namespace cumulet::cli {

/// Where the cloud is and who calls it: from the options --endpoint, --region and --data-dir, then from the environment
/// (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID …), then from the data directory's root credentials.
class Session {
 public:
  /// The options that every client command takes.
  static std::vector<std::string> options() { return {"endpoint", "region", "data-dir"}; }
  static Result<Session> open(const Arguments& arguments);

  const std::string& endpoint() const { return endpoint_; }
  const std::string& region() const { return region_; }

  /// Calls an operation of a service and waits for its answer.
  template <typename Operation>
  Result<typename Operation::Output> call(const wire::ServiceModel& service,
                                          const typename Operation::Input& input) const {
    Result<net::Inbound> answer = send(service, wire::request_for<Operation>(service, input));
    if (!answer.ok()) return std::move(answer).error();
    return wire::response_of<Operation>(service, answer->status, answer->headers, answer->body);
  }
  /// Sends a prepared request, signed.
  Result<net::Inbound> send(const wire::ServiceModel& service, wire::ClientRequest request) const;

 private:
  std::string endpoint_;
  std::string region_;
  wire::SigningIdentity identity_;
  std::shared_ptr<net::Client> client_;
};

/// The account's keys in a data directory, as `cumulet env` prints them.
struct RootKeys {
  std::string account;
  std::string access_key_id;
  std::string secret_access_key;
};
Result<RootKeys> read_root_keys(const std::string& data_dir);

/// The data directory: the option, CUMULET_DATA_DIR, or the default place.
std::string data_dir_of(const Arguments& arguments);

}  // namespace cumulet::cli
