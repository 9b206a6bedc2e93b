#include "executor/layer/layout.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <set>

#include "executor/base/fs.h"

namespace slipway::layer {
namespace {

using ::testing::Contains;

TEST(Layout, MakesItsFoldersForNobodyElse) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const Layout layout(dir.path() + "/layers");
  ASSERT_TRUE(layout.Make().ok());
  ASSERT_TRUE(layout.Make().ok()) << "they are there already";
  for (const std::string& folder : layout.Swept()) {
    struct stat st {};
    ASSERT_EQ(::stat(folder.c_str(), &st), 0) << folder;
    EXPECT_EQ(st.st_mode & 0777, 0700U) << folder;
  }
}

TEST(Layout, NewPathsAreInFoldersThatAreSweptAndNeverTheSame) {
  const Layout layout("/layers");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(layout.NewUpper()).second);
    EXPECT_TRUE(seen.insert(layout.NewUnpacked()).second);
  }
  EXPECT_THAT(layout.Swept(), Contains(fs::DirName(layout.NewUpper())));
  EXPECT_THAT(layout.Swept(), Contains(fs::DirName(layout.NewUnpacked())));
  EXPECT_THAT(layout.Swept(), Contains(layout.Temporary()));
}

}  // namespace
}  // namespace slipway::layer
