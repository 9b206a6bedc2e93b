// The program `slipway`.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"

int main(int argc, char** argv) {
  const int code = slipway::cli::RunCommandLine(argc, argv);
  // All is written and every call has ended; taking gRPC's threads down in order would only cost milliseconds.
  std::fflush(nullptr);
  ::_exit(code);
}
