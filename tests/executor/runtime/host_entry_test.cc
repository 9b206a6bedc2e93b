#include "executor/runtime/host_entry.h"

#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

// "name address", or the error's code.
std::string Read(std::string_view text) {
  const auto entry = ParseHostEntry(text);
  return entry.ok() ? entry->name + " " + entry->address : std::string(CodeName(entry.code()));
}

TEST(HostEntry, TakesBothForms) {
  EXPECT_EQ(Read("h:10.0.0.1"), "h 10.0.0.1");
  EXPECT_EQ(Read("h=10.0.0.1"), "h 10.0.0.1");
}

TEST(HostEntry, TakesIpv6WithAndWithoutBrackets) {
  EXPECT_EQ(Read("h:[fd00::1]"), "h fd00::1");
  EXPECT_EQ(Read("h=fd00::1"), "h fd00::1");
  EXPECT_EQ(Read("h:::1"), "h ::1");
}

TEST(HostEntry, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "h", "h:", ":1.2.3.4", "h:1.2.3", "h:localhost", "a b:1.2.3.4", "h:[::1", "#h:1.2.3.4"}) {
    EXPECT_EQ(Read(text), "INVALID_ARGUMENT") << text;
  }
  EXPECT_EQ(Read("h:host-gateway"), "UNIMPLEMENTED");
}

}  // namespace
}  // namespace slipway::runtime
