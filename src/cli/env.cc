#include <cstdio>

#include "cli/command.h"
#include "cli/session.h"

namespace cumulet::cli {
namespace {

constexpr const char* kUsage = R"help(Usage: cumulet env [options]

Prints the variables that point the AWS CLI, SDKs and tools at the cloud:

  eval "$(cumulet env)"

  --data-dir DIR    the server's data directory (default $CUMULET_DATA_DIR, or
                    ~/.local/share/cumulet)
  --endpoint URL    where the server listens (default http://127.0.0.1:4566)
  --region REGION   default us-east-1
)help";

}  // namespace

int env(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(words, Session::options(), {});
  if (!arguments.ok()) return report("env", arguments.error());
  if (arguments->has("help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Result<RootKeys> keys = read_root_keys(data_dir_of(*arguments));
  if (!keys.ok()) return report("env", keys.error());
  const std::string region = arguments->get("region", "us-east-1");
  std::printf("export AWS_ENDPOINT_URL=%s\n", arguments->get("endpoint", "http://127.0.0.1:4566").c_str());
  std::printf("export AWS_ACCESS_KEY_ID=%s\n", keys->access_key_id.c_str());
  std::printf("export AWS_SECRET_ACCESS_KEY=%s\n", keys->secret_access_key.c_str());
  std::printf("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
  std::printf("export AWS_REGION=%s\nexport AWS_DEFAULT_REGION=%s\n", region.c_str(), region.c_str());
  std::printf("export CUMULET_ACCOUNT_ID=%s\n", keys->account.c_str());
  return 0;
}

}  // namespace cumulet::cli
