#include "cli/cli.h"

#include <cstdio>
#include <map>

#include "cli/command.h"

namespace cumulet::cli {
namespace {

constexpr const char* kUsage = R"(Usage: cumulet COMMAND [options]

A serverless cloud on your own machine.

  serve     run the cloud
  deploy    package and deploy a CloudFormation or SAM template
  dev       deploy, and again whenever a file is saved; print the logs
  invoke    call a function and print its result
  logs      print or follow a function's log
  advise    say where a function's cold starts spend their time, and what would help
  image     take container images for functions from files
  env       print the variables that point SDKs and the AWS CLI at the cloud
  doctor    say what this machine offers for sandboxes and runtimes
  s3        read everything that is stored and say what is damaged (s3 verify)
  version   print the version

'cumulet COMMAND --help' says more.
)";

}  // namespace

int run(const std::vector<std::string>& arguments, const std::string& version) {
  static const std::map<std::string, int (*)(const std::vector<std::string>&)> kCommands{
      {"advise", advise}, {"deploy", deploy}, {"dev", dev},       {"doctor", doctor},
      {"env", env},       {"image", image},   {"invoke", invoke}, {"logs", logs}};
  if (arguments.empty()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string& name = arguments.front();
  if (name == "help" || name == "--help" || name == "-h") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (name == "version" || name == "--version") {
    std::printf("cumulet %s\n", version.c_str());
    return 0;
  }
  const auto command = kCommands.find(name);
  if (command == kCommands.end()) {
    std::fprintf(stderr, "cumulet: there is no command '%s'.\nTry 'cumulet --help'.\n", name.c_str());
    return 2;
  }
  return command->second(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
}

}  // namespace cumulet::cli
