#pragma once

#include <string>
#include <vector>

namespace cumulet {

/// `cumulet s3 verify`: reads everything that is stored in a data directory, whose server does not run, against the
/// checksums. Gives the exit status: 0 when all is as it was written, 1 when something is damaged, 2 when it could not
/// be told.
int s3_command(const std::vector<std::string>& words);

}  // namespace cumulet
