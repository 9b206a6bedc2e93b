#include "executor/runtime/peer_hosts.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::runtime {
namespace {

class PeerHostsTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return fs::Join(dir_.path(), name); }
  Cleanup Join(const std::string& name, const std::string& address, const std::vector<std::string>& names) {
    EXPECT_TRUE(fs::WriteFileAtomic(Path(name), "own\n").ok());
    return hosts_.Join(Path(name), address, names).value();
  }
  std::string Text(const std::string& name) const { return fs::ReadFile(Path(name)).value(); }

  fs::TempDir dir_ = fs::TempDir::Make().value();
  PeerHosts hosts_;
};

TEST_F(PeerHostsTest, EachLearnsOfTheOthers) {
  const Cleanup db = Join("db", "10.0.0.2", {"db", "database"});
  EXPECT_EQ(Text("db"), "own\n");
  const Cleanup app = Join("app", "10.0.0.3", {"app"});
  const Cleanup test = Join("test", "10.0.0.4", {"test"});
  EXPECT_EQ(Text("db"), "own\n10.0.0.3\tapp\n10.0.0.4\ttest\n");
  EXPECT_EQ(Text("app"), "own\n10.0.0.2\tdb database\n10.0.0.4\ttest\n");
  EXPECT_EQ(Text("test"), "own\n10.0.0.2\tdb database\n10.0.0.3\tapp\n");
}

TEST_F(PeerHostsTest, WhoLeavesIsTakenOut) {
  const Cleanup db = Join("db", "10.0.0.2", {"db"});
  Cleanup app = Join("app", "10.0.0.3", {"app"});
  app.Run();
  EXPECT_EQ(Text("db"), "own\n#0.0.0.3\tapp\n");
  const Cleanup again = Join("app", "10.0.0.4", {"app"});
  EXPECT_EQ(Text("db"), "own\n#0.0.0.3\tapp\n10.0.0.4\tapp\n");
  EXPECT_EQ(Text("app"), "own\n10.0.0.2\tdb\n");
}

TEST_F(PeerHostsTest, AFileThatIsMissingIsAnErrorAndNobodyJoins) {
  const Cleanup db = Join("db", "10.0.0.2", {"db"});
  EXPECT_FALSE(hosts_.Join(Path("nothing"), "10.0.0.3", {"x"}).ok());
  EXPECT_EQ(Text("db"), "own\n");
}

}  // namespace
}  // namespace slipway::runtime
