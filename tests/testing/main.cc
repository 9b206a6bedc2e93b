// main() of every test binary: GoogleTest, with SIGPIPE ignored as the programs do and the log silenced unless asked for.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "executor/base/log.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const char* level = std::getenv("SLIPWAY_TEST_LOG");
  slipway::log::Init(slipway::log::Format::kPlain, level != nullptr ? level : "off").Ignore();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
