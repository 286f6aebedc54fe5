#include "compute/environment_variables.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/digest.h"
#include "base/text.h"
#include "compute/runtime_root.h"

namespace cumulet::compute {
namespace {

constexpr const char* kCertificates = "/etc/ssl/certs";

std::string runtime_api() { return "127.0.0.1:" + std::to_string(kRuntimeApiPort); }

/// Those by which programs find the platform, and trust it.
std::map<std::string, std::string> platform_variables(bool own_names, const std::string& certificates) {
  std::map<std::string, std::string> all{
      {"AWS_ENDPOINT_URL", "http://127.0.0.1:" + std::to_string(kPlatformPort)},
      {"AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"},
      {"AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"},
      // LocalStack's names for the same thing: much code written against it reads them.
      {"LOCALSTACK_HOSTNAME", "127.0.0.1"},
      {"EDGE_PORT", std::to_string(kPlatformPort)},
  };
  if (own_names) {
    all["AWS_CA_BUNDLE"] = all["SSL_CERT_FILE"] = certificates + "/ca-certificates.crt";
    all["NODE_EXTRA_CA_CERTS"] = certificates + "/cumulet.pem";
  }
  return all;
}

std::map<std::string, std::string> unreserved(bool own_names, const RuntimeImage* root) {
  std::map<std::string, std::string> all{
      {"PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"},
      {"LD_LIBRARY_PATH",
       "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"},
      {"LANG", "en_US.UTF-8"},
      {"TZ", ":UTC"},
      {"SHLVL", "0"},
      {"PWD", "/var/task"},
      {"HOME", "/tmp"},
      {"PYTHONPATH", "/var/runtime"},
      {"RUBYLIB", "/var/task:/var/runtime:/opt/ruby/lib"},
      {"NODE_PATH", "/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"},
  };
  all.merge(platform_variables(own_names, root == nullptr ? kCertificates : kImageTls));
  if (root != nullptr) {
    for (const auto& [name, value] : root->environment) all[name] = value;
  }
  return all;
}

/// A container image brings its own.
std::map<std::string, std::string> image_variables(const FunctionImage& image, bool own_names) {
  std::map<std::string, std::string> all{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"LANG", "en_US.UTF-8"},
      {"TZ", ":UTC"},
      {"HOME", "/tmp"},
  };
  all.merge(platform_variables(own_names, kImageTls));
  for (const auto& [name, value] : image.environment) all[name] = value;
  return all;
}

}  // namespace

bool read_at_start(const std::string& name) {
  if (name == "NODE_ENV") return false;  // Frameworks read it, Node.js does not; every other function has it.
  constexpr std::array<std::string_view, 9> kNames{
      "AWS_LAMBDA_EXEC_WRAPPER", "PATH", "LANG", "TZ", "HOME", "LC_ALL", "OPENSSL_CONF", "SSL_CERT_FILE",
      "JDK_JAVA_OPTIONS"};
  return name.starts_with("PYTHON") || name.starts_with("NODE_") || name.starts_with("LD_") ||
         name.starts_with("MALLOC_") || name.starts_with("JAVA_") || name.starts_with("RUBY") ||
         name.starts_with("GEM_") || name.starts_with("UV_") ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool sets_what_is_read_at_start(const FunctionVersion& version) {
  return std::any_of(version.environment.begin(), version.environment.end(),
                     [](const auto& variable) { return read_at_start(variable.first); });
}

std::string credentials_token(const std::string& log_stream) { return hex_encode(sha256("credentials " + log_stream)); }

std::vector<std::pair<std::string, std::string>> parked_variables(bool own_names, const RuntimeImage* root) {
  std::map<std::string, std::string> all = unreserved(own_names, root);
  all["AWS_LAMBDA_RUNTIME_API"] = runtime_api();
  all["LAMBDA_TASK_ROOT"] = "/var/task";
  all["LAMBDA_RUNTIME_DIR"] = "/var/runtime";
  all["_CUMULET_PARKED"] = "1";
  return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

std::vector<std::pair<std::string, std::string>> environment_variables(const FunctionVersion& version,
                                                                       const Credentials& credentials,
                                                                       const std::string& log_stream, bool os_only,
                                                                       bool own_names, const RuntimeImage* root) {
  // Unreserved: a function may set its own.
  std::map<std::string, std::string> all =
      version.image ? image_variables(*version.image, own_names) : unreserved(own_names, root);
  for (const auto& [name, value] : version.environment) {
    if (!name.starts_with('_')) all[name] = value;
  }
  if (version.snap_start()) {
    all["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://" + runtime_api() + kCredentialsPath;
    all["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = credentials_token(log_stream);
  } else {
    all["AWS_ACCESS_KEY_ID"] = credentials.access_key_id;
    all["AWS_SECRET_ACCESS_KEY"] = credentials.secret_access_key;
    if (!credentials.session_token.empty()) all["AWS_SESSION_TOKEN"] = credentials.session_token;
    all["AWS_LAMBDA_LOG_GROUP_NAME"] = version.log_group;
    all["AWS_LAMBDA_LOG_STREAM_NAME"] = log_stream;
  }
  all["AWS_REGION"] = version.region;
  all["AWS_DEFAULT_REGION"] = version.region;
  all["AWS_LAMBDA_FUNCTION_NAME"] = version.name;
  all["AWS_LAMBDA_FUNCTION_VERSION"] = version.version;
  all["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = std::to_string(version.memory_mib);
  all["AWS_LAMBDA_LOG_FORMAT"] = version.logging.json ? "JSON" : "Text";
  if (version.logging.json) all["AWS_LAMBDA_LOG_LEVEL"] = name_of(version.logging.application);
  all["AWS_LAMBDA_INITIALIZATION_TYPE"] = version.initialization_type;
  all["AWS_LAMBDA_RUNTIME_API"] = runtime_api();
  all["LAMBDA_TASK_ROOT"] = "/var/task";
  all["LAMBDA_RUNTIME_DIR"] = "/var/runtime";
  all["_HANDLER"] = version.handler;
  all["_AWS_XRAY_DAEMON_ADDRESS"] = "127.0.0.1";
  all["_AWS_XRAY_DAEMON_PORT"] = "2000";
  if (!os_only) all["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + version.runtime;
  return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

}  // namespace cumulet::compute
