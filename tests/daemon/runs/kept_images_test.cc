#include "daemon/runs/kept_images.h"

#include <gtest/gtest.h>

#include "tests/testing/manual_clock.h"

namespace slipway::runs {
namespace {

class KeptImagesTest : public ::testing::Test {
 protected:
  // Whether somebody keeps the image can be seen from outside.
  std::weak_ptr<const builder::BuiltImage> Hold(const std::string& run_id) {
    const auto image = std::make_shared<const builder::BuiltImage>();
    kept_.Hold(run_id, {.image = image, .outputs = {{.kind = builder::OutputKind::kDocker, .names = {}}}});
    return image;
  }

  testing::ManualClock clock_;
  KeptImages kept_{clock_};
};

TEST_F(KeptImagesTest, AnImageIsKeptForAnHourAfterItsLastUse) {
  const auto image = Hold("ca1");
  clock_.now += std::chrono::minutes(59);
  kept_.Sweep();
  ASSERT_NE(kept_.Find("ca1").image, nullptr);
  EXPECT_EQ(kept_.Find("ca1").outputs.at(0).kind, builder::OutputKind::kDocker);
  clock_.now += std::chrono::minutes(59);
  kept_.Sweep();
  EXPECT_FALSE(image.expired());
  clock_.now += std::chrono::minutes(2);
  kept_.Sweep();
  EXPECT_TRUE(image.expired());
  EXPECT_EQ(kept_.Find("ca1").image, nullptr);
}

TEST_F(KeptImagesTest, ThereAreOnlySoMany) {
  const auto oldest = Hold("first");
  clock_.now += std::chrono::seconds(1);
  const auto used = Hold("used");
  clock_.now += std::chrono::seconds(1);
  for (size_t i = 2; i < KeptImages::kMost; ++i) Hold("run" + std::to_string(i));
  EXPECT_FALSE(oldest.expired());
  Hold("one more");
  EXPECT_TRUE(oldest.expired());
  EXPECT_FALSE(used.expired());
}

TEST_F(KeptImagesTest, ARunThatIsHeldAgainKeepsTheLaterImage) {
  const auto before = Hold("ca1");
  const auto after = Hold("ca1");
  EXPECT_TRUE(before.expired());
  EXPECT_EQ(kept_.Find("ca1").image, after.lock());
}

}  // namespace
}  // namespace slipway::runs
