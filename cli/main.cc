// The program `slipway`.
#include <unistd.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/grpc_lifetime.h"

int main(int argc, char** argv) {
  slipway::cli::leave_grpc_to_exit = true;
  const int code = slipway::cli::RunCommandLine(argc, argv);
  // All is written and every call has ended.
  std::fflush(nullptr);
  ::_exit(code);
}
