#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compute/egress/policy.h"
#include "services/lambda/egress_tag.h"

namespace cumulet {

/// What `cumulet serve` was told: by flags, and for what no flag says by the file of --config (lines `name = value`,
/// with the flags' names; '#' begins a comment).
struct Config {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;
  std::filesystem::path data_dir;  ///< Default: $XDG_DATA_HOME/cumulet or ~/.local/share/cumulet.
  bool dev = false;                ///< Lenient: any signature, loopback only.
  std::filesystem::path tls_cert;  ///< PEM; both or none. None: certificates of our own authority.
  std::filesystem::path tls_key;
  std::string account_id;            ///< 12 digits; default: made at first start.
  std::string region = "us-east-1";  ///< Of requests that name none.
  std::string public_host;           ///< The name by which clients reach us; default: from each request's Host.
  std::filesystem::path runtimes;    ///< Runtime clients; default: found beside the binary.
  std::filesystem::path access_log;  ///< Default: DATA_DIR/access.log.
  std::string log_level = "info";
  /// What sandboxes are built by: the first is the default, functions may choose another one.
  std::vector<std::string> substrates{"process"};
  std::filesystem::path microvm_kernel;                   ///< Default: the newest in /boot.
  std::filesystem::path registry_logins;                  ///< A file as `docker login` writes it.
  std::uint32_t image_seconds = 600;                      ///< How long fetching a container image may take.
  bool exact_cpus = false;                                ///< Functions get AWS's share of the processors and no more.
  lambda::EgressRule egress = lambda::EgressRule::kNone;  ///< Which functions may reach the internet.
  std::vector<compute::egress::Range> egress_allow;       ///< What they may reach beside it.
  std::string egress_resolver;                            ///< Whom they ask for names; default: the host's resolvers.
  bool encrypt_objects = false;                           ///< New buckets of S3 encrypt by default.
  bool exact_streaming = false;                           ///< Streamed responses get AWS's bandwidth and no more.
  std::uint32_t threads = 0;                              ///< Event loops; 0: one a CPU.
  std::uint32_t store_memory = 128;                       ///< MiB that the store may hold in memory.
  double kinesis_shard_limits = 1;                        ///< Times a shard's documented limits; 0: none.
  std::string smtp;         ///< smtp[s]://[user:password@]host[:port]: SNS sends email through it.
  std::string smtp_from;    ///< Its sender's address.
  std::string sms_gateway;  ///< An HTTP endpoint that takes SNS's text messages.
  std::string fcm_url;      ///< Instead of Google's and Apple's own servers: for tests.
  std::string apns_url;
  std::string sns_signing_host;      ///< In SigningCertURL; default: sns.REGION.amazonaws.com.
  std::uint32_t drain_seconds = 30;  ///< How long SIGTERM waits for what is in flight.
};

/// Parses the arguments after `serve`. Fails with code "Usage" and a message that says what to do.
Result<Config> parse_config(const std::vector<std::string>& arguments);

/// The help text of `cumulet serve`.
std::string serve_usage();

/// The data directory when none is given; every command uses it.
std::filesystem::path default_data_dir();

}  // namespace cumulet
