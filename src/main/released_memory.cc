#include "main/released_memory.h"

#include <cstdint>
#include <fstream>
#include <string>

#include <malloc.h>
#include <sys/mman.h>

namespace cumulet {

void release_free_memory() { ::malloc_trim(0); }

void release_startup_memory() {
  release_free_memory();
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    // Only code: it is never written, so nothing is lost with its pages. Data that relocation changed would be.
    const bool code_of_a_file = line.find(" r-xp ") != std::string::npos && line.find(" /") != std::string::npos;
    if (!code_of_a_file) continue;
    std::size_t dash = 0;
    const std::uintptr_t begin = std::stoull(line, &dash, 16);
    const std::uintptr_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace cumulet
