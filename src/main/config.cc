#include "main/config.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

#include "base/text.h"
#include "compute/egress/resolvers.h"
#include "compute/substrates.h"

namespace cumulet {
namespace {

constexpr ErrorKind kUsage{"Usage", 400};

struct Flag {
  bool takes_value = true;
  std::function<bool(Config&, const std::string&)> set;
};

template <typename T>
bool set_number(T& field, const std::string& text, std::int64_t min, std::int64_t max) {
  const std::optional<std::int64_t> number = parse_int(text);
  if (!number || *number < min || *number > max) return false;
  field = static_cast<T>(*number);
  return true;
}

/// "2" or "0.5".
bool set_factor(double& field, const std::string& text, double max) {
  const bool plain = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  char* end = nullptr;
  const double number = plain ? std::strtod(text.c_str(), &end) : -1;
  if (number < 0 || number > max || *end != 0) return false;
  field = number;
  return true;
}

bool set_listen(Config& config, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return set_number(config.port, text, 0, 65535);
  if (!set_number(config.port, text.substr(colon + 1), 0, 65535)) return false;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  config.host = host;
  return true;
}

bool set_account(Config& config, const std::string& text) {
  if (text.size() != 12 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  config.account_id = text;
  return true;
}

bool set_substrates(Config& config, const std::string& text) {
  config.substrates.clear();
  for (const std::string_view name : split(text, ',')) config.substrates.emplace_back(trim(name));
  return std::all_of(config.substrates.begin(), config.substrates.end(), compute::is_substrate);
}

bool set_log_level(Config& config, const std::string& text) {
  if (text != "debug" && text != "info" && text != "warning" && text != "error") return false;
  config.log_level = text;
  return true;
}

template <typename T>
Flag text_flag(T Config::*field) {
  return Flag{true, [field](Config& config, const std::string& text) {
                config.*field = text;
                return !text.empty();
              }};
}

Flag switch_flag(bool Config::*member) {
  return Flag{false, [member](Config& config, const std::string& text) {
                config.*member = text != "false";
                return text.empty() || text == "true" || text == "false";
              }};
}

bool set_egress(Config& config, const std::string& text) {
  const std::map<std::string, lambda::EgressRule> rules{{"never", lambda::EgressRule::kNever},
                                                        {"none", lambda::EgressRule::kNone},
                                                        {"internet", lambda::EgressRule::kInternet}};
  const auto rule = rules.find(text);
  if (rule != rules.end()) config.egress = rule->second;
  return rule != rules.end();
}

bool set_egress_allow(Config& config, const std::string& text) {
  config.egress_allow.clear();
  for (const std::string_view one : split(text, ',')) {
    const std::optional<compute::egress::Range> range = compute::egress::parse_range(trim(one));
    if (!range) return false;
    config.egress_allow.push_back(*range);
  }
  return true;
}

bool set_egress_resolver(Config& config, const std::string& text) {
  compute::egress::Endpoint endpoint;
  config.egress_resolver = text;
  return compute::egress::parse_resolver(text, endpoint);
}

const std::map<std::string, Flag>& flags() {
  static const std::map<std::string, Flag> all{
      {"listen", Flag{true, set_listen}},
      {"data-dir", text_flag(&Config::data_dir)},
      {"dev", switch_flag(&Config::dev)},
      {"exact-cpus", switch_flag(&Config::exact_cpus)},
      {"encrypt-objects", switch_flag(&Config::encrypt_objects)},
      {"egress", Flag{true, set_egress}},
      {"egress-allow", Flag{true, set_egress_allow}},
      {"egress-resolver", Flag{true, set_egress_resolver}},
      {"exact-streaming", switch_flag(&Config::exact_streaming)},
      {"tls-cert", text_flag(&Config::tls_cert)},
      {"tls-key", text_flag(&Config::tls_key)},
      {"account-id", Flag{true, set_account}},
      {"region", text_flag(&Config::region)},
      {"public-host", text_flag(&Config::public_host)},
      {"runtimes", text_flag(&Config::runtimes)},
      {"access-log", text_flag(&Config::access_log)},
      {"registry-logins", text_flag(&Config::registry_logins)},
      {"image-timeout",
       Flag{true, [](Config& c, const std::string& t) { return set_number(c.image_seconds, t, 1, 86400); }}},
      {"smtp", text_flag(&Config::smtp)},
      {"smtp-from", text_flag(&Config::smtp_from)},
      {"sms-gateway", text_flag(&Config::sms_gateway)},
      {"fcm-url", text_flag(&Config::fcm_url)},
      {"apns-url", text_flag(&Config::apns_url)},
      {"sns-signing-host", text_flag(&Config::sns_signing_host)},
      {"substrate", Flag{true, set_substrates}},
      {"microvm-kernel", text_flag(&Config::microvm_kernel)},
      {"log-level", Flag{true, set_log_level}},
      {"threads", Flag{true, [](Config& c, const std::string& t) { return set_number(c.threads, t, 1, 256); }}},
      {"store-memory",
       Flag{true, [](Config& c, const std::string& t) { return set_number(c.store_memory, t, 16, 1 << 20); }}},
      {"kinesis-shard-limits",
       Flag{true, [](Config& c, const std::string& t) { return set_factor(c.kinesis_shard_limits, t, 1000000); }}},
      {"drain-seconds",
       Flag{true, [](Config& c, const std::string& t) { return set_number(c.drain_seconds, t, 0, 3600); }}},
  };
  return all;
}

Result<void> apply(Config& config, const std::string& name, const std::string& value, const std::string& where) {
  const auto flag = flags().find(name);
  if (flag == flags().end()) return Error(kUsage, where + ": unknown setting '" + name + "'");
  if (!flag->second.set(config, value)) {
    return Error(kUsage, where + ": '" + value + "' is not a value for '" + name + "'");
  }
  return {};
}

Result<void> apply_file(Config& config, const std::string& path, const std::map<std::string, std::string>& given) {
  std::ifstream file(path);
  if (!file) return Error(kUsage, "cannot read the configuration file " + path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string where = path + ":" + std::to_string(number);
    const std::string_view text = trim(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return Error(kUsage, where + ": expected 'name = value'");
    const std::string name(trim(text.substr(0, equals)));
    if (given.contains(name)) continue;
    Result<void> applied = apply(config, name, std::string(trim(text.substr(equals + 1))), where);
    if (!applied.ok()) return applied;
  }
  return {};
}

Result<std::map<std::string, std::string>> read_flags(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("--")) return Error(kUsage, "unexpected argument '" + arguments[i] + "'");
    std::string name = arguments[i].substr(2);
    std::string value;
    const std::size_t equals = name.find('=');
    const bool inline_value = equals != std::string::npos;
    if (inline_value) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const auto flag = flags().find(name);
    if (flag == flags().end() && name != "config") return Error(kUsage, "unknown option '--" + name + "'");
    if (!inline_value && (name == "config" || flag->second.takes_value)) {
      if (++i == arguments.size()) return Error(kUsage, "'--" + name + "' needs a value");
      value = arguments[i];
    }
    given[name] = value;
  }
  return given;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

}  // namespace

Result<Config> parse_config(const std::vector<std::string>& arguments) {
  Result<std::map<std::string, std::string>> given = read_flags(arguments);
  if (!given.ok()) return std::move(given).error();
  Config config;
  for (const auto& [name, value] : *given) {
    Result<void> applied =
        name == "config" ? apply_file(config, value, *given) : apply(config, name, value, "--" + name);
    if (!applied.ok()) return std::move(applied).error();
  }
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return Error(kUsage, "--tls-cert and --tls-key belong together");
  }
  if (config.dev && !is_loopback(config.host)) {
    return Error(kUsage, "--dev accepts any signature and so listens on loopback only, not on " + config.host);
  }
  if (!config.smtp.empty() && config.smtp_from.find('@') == std::string::npos) {
    return Error(kUsage, "--smtp needs --smtp-from, the address that mail is sent from");
  }
  if (config.data_dir.empty()) config.data_dir = default_data_dir();
  if (config.access_log.empty()) config.access_log = config.data_dir / "access.log";
  return config;
}

std::filesystem::path default_data_dir() {
  if (const char* data = std::getenv("CUMULET_DATA_DIR"); data != nullptr && *data != '\0') return data;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return std::filesystem::path(data) / "cumulet";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/var/lib") / ".local/share/cumulet";
}

std::string serve_usage() {
  return R"(Usage: cumulet serve [options]

Runs the cloud: one listener for all services, HTTP and HTTPS on the same port.

  --listen HOST:PORT     where to listen (default 127.0.0.1:4566; port 0 picks one)
  --data-dir DIR         where everything is kept (default $CUMULET_DATA_DIR, or
                         ~/.local/share/cumulet)
  --dev                  accept any signature, as tests and tools made for emulators
                         expect; listens on loopback only
  --tls-cert FILE        certificate chain and key (PEM); without them HTTPS uses
  --tls-key FILE         certificates of this server's own authority (DATA_DIR/ca.pem)
  --account-id DIGITS    the account made at first start (default: random)
  --region REGION        for requests that name none (default us-east-1)
  --public-host NAME     the host name in URLs that are handed out
  --runtimes DIR         the runtime clients (default: found beside the binary)
  --access-log FILE      one line a request (default DATA_DIR/access.log)
  --registry-logins FILE names and passwords of image registries, as docker login writes them
  --image-timeout N      seconds that fetching a container image may take (default 600)
  --smtp URL             SNS sends email through it: smtp[s]://[user:password@]host[:port]
  --smtp-from ADDRESS    the sender's address
  --sms-gateway URL      takes SNS's text messages as JSON
  --fcm-url URL          instead of Google's and Apple's own push servers
  --apns-url URL
  --sns-signing-host H   host of the certificate that SNS signs with, in SigningCertURL
                         (default sns.REGION.amazonaws.com, which validators insist on)
  --log-level LEVEL      debug, info, warning or error (default info)
  --threads N            event loops (default: one a CPU)
  --store-memory MIB     what the store may hold in memory: cached blocks, and writes
                         that are in no file yet (default 128)
  --encrypt-objects      new buckets of S3 encrypt by default (SSE-S3), as on AWS
  --substrate NAME,...   what sandboxes are built by: process (default), oci:RUNTIME (crun,
                         runc, ...) or microvm; of several, the first unless a function's tag
                         cumulet:substrate names another one
  --microvm-kernel FILE  the kernel of microVMs (default: the newest in /boot)
  --exact-cpus           functions never use more of the processors than their memory gives
                         them on AWS (default: a whole one that nobody else wants)
  --egress RULE          which functions may reach the internet: 'none' (default) those with
                         the tag cumulet:egress=internet, 'internet' all but those with
                         cumulet:egress=none, 'never' no function
  --egress-allow CIDRS   private addresses that these may reach as well, with commas between
  --egress-resolver ADDRESS[:PORT]
                         whom they ask for names (default: the host's resolvers)
  --exact-streaming      after 6 MiB, streamed responses go at 2 MiB/s as on AWS
                         (default: as fast as they are read)
  --kinesis-shard-limits N
                         times the documented limits of a Kinesis shard; 0: none (default 1)
  --drain-seconds N      how long SIGTERM waits for what is in flight (default 30)
  --config FILE          lines 'name = value' with the names above; flags win

Prints one line when it is ready. SIGTERM and SIGINT end it with status 0.
)";
}

}  // namespace cumulet
