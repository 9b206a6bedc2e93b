#include "executor/layer/leave_out.h"

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

TEST(LeaveOut, TheFirstOfTheOtherNamesBecomesTheFile) {
  const tree::Tree tree({Folder("d"), File("d/a", 3, 0640), HardLink("d/b", "d/a"), HardLink("d/c", "d/a")});
  EXPECT_EQ(Print(Without(tree, {"d/a"})),
            "d 0755 0:0 d\n"
            "f 0640 0:0 d/b 3\n"
            "h 0644 0:0 d/c -> d/b\n");
}

TEST(LeaveOut, ANameThatIsALinkJustGoes) {
  const tree::Tree tree({File("a", 3), HardLink("b", "a"), File("c", 1)});
  EXPECT_EQ(Print(Without(tree, {"b"})), "f 0644 0:0 a 3\nf 0644 0:0 c 1\n");
  EXPECT_EQ(Print(Without(tree, {"a", "b"})), "f 0644 0:0 c 1\n");
}

TEST(LeaveOut, ALinkMayStandBeforeItsFile) {
  const tree::Tree tree({HardLink("a", "z"), HardLink("b", "z"), File("z", 3)});
  EXPECT_EQ(Print(Without(tree, {"z"})), "f 0644 0:0 a 3\nh 0644 0:0 b -> a\n");
}

TEST(LeaveOut, FoldersAndWhatIsNotThereAreLeftAlone) {
  const tree::Tree tree({Folder("d"), File("d/f", 1), Link("l", "d")});
  EXPECT_EQ(Print(Without(tree, {"d", "l", "nothing"})), Print(tree));
}

}  // namespace
}  // namespace slipway::layer
