#include "executor/base/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <thread>

namespace slipway {

namespace {

// Of a program or library: the segments that are never written are the file's own pages. What relocation writes to and
// then protects lies in others. The loader does not unload anything meanwhile.
int DropConstantPages(dl_phdr_info* object, size_t, void*) {
  static const auto kPage = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (std::string_view(object->dlpi_name).starts_with("linux-vdso")) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(kPage - 1);
    const uintptr_t end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz + kPage - 1) & ~(kPage - 1);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void ShareArenas() {
  const unsigned processors = std::thread::hardware_concurrency();
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::max(processors / 2, 2U)));
}

void GiveBackMemory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(&DropConstantPages, nullptr);
}

}  // namespace slipway
