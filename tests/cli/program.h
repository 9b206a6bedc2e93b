// The program as users start it, with a home of its own, against a daemon that does as the test says.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/process.h"
#include "tests/cli/folder.h"
#include "tests/testing/fake_server.h"

namespace slipway::cli {

class Program : public ::testing::Test {
 protected:
  std::map<std::string, std::string> Environment() const {
    return {{"SLIPWAY_SERVER", server_.address()},
            {"XDG_CACHE_HOME", home_.At("cache")},
            {"HOME", home_.path()},
            {"PATH", "/usr/bin:/bin"},
            {"FROM_ENV", "seen"}};
  }

  /// In folder_.
  RunOutput Run(std::vector<std::string> words, std::string_view input = {}) {
    words.insert(words.begin(), SLIPWAY_PROGRAM);
    const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(60), "the program");
    auto out = RunProgram(ctx, {.argv = std::move(words), .env = Environment(), .cwd = folder_.path()}, input);
    EXPECT_TRUE(out.ok()) << out.status().ToString();
    return out.ok() ? std::move(out).value() : RunOutput();
  }

  Folder folder_;
  Folder home_;
  testing::FakeServer server_{"unix:" + home_.At("s")};
};

}  // namespace slipway::cli
