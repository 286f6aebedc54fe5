#pragma once

namespace cumulet {

/// Gives back what only the start needed: free heap, and the pages of code that it went through. Code that is called
/// again comes back from the page cache, a few microseconds for each 64 KiB. Any thread.
void release_startup_memory();
/// Gives back the free part of the heap. Each of its arenas is locked for a moment.
void release_free_memory();

}  // namespace cumulet
