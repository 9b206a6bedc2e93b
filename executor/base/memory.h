// Memory that a process at rest does not need.
#pragma once

namespace slipway {

/// Has threads share the allocator's arenas: one for two processors, two at least. The C library's own eight a processor
/// leave each thread's small pieces in pages of their own, which then cannot be given back. Before there are threads.
void ShareArenas();

/// Gives back what the allocator keeps for later, and takes the code and constants of the program and its libraries out
/// of this process's address space: they stay in the page cache, and whoever runs them has them back for the price of a
/// page fault. Other threads may be in the middle of anything. A debugger's breakpoints are lost.
void GiveBackMemory();

}  // namespace slipway
