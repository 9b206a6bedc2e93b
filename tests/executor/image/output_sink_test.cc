#include "executor/image/output_sink.h"

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::image {
namespace {

using layer::File;
using layer::Folder;
using layer::FromBytes;
using layer::Print;

class TarOutputTest : public layer::LayerTest {
 protected:
  TarOutput out_{[this](std::string_view bytes) {
    tar_ += bytes;
    return Status();
  }};
  std::string tar_;
};

TEST_F(TarOutputTest, IsReadAsItWasWritten) {
  tree::Entry file = File("d/f", 5, 04755);
  file.uid = 3'000'000;
  file.xattrs = {{"user.x", std::string("\0y", 2)}};
  ASSERT_TRUE(out_.Entry(Folder("d", 01777)).ok());
  ASSERT_TRUE(out_.Entry(file).ok());
  ASSERT_TRUE(out_.Data("12").ok());
  ASSERT_TRUE(out_.Data("345").ok());
  ASSERT_TRUE(out_.Entry(layer::NameOf(file, "g")).ok());
  tree::Entry device = layer::Of(tree::Type::kCharDevice, "null", 0666);
  device.dev_major = 1;
  device.dev_minor = 3;
  ASSERT_TRUE(out_.Entry(device).ok());
  ASSERT_TRUE(out_.Finish().ok());
  const auto tree = layer::ReadArchive(Context::Background(), FromBytes(tar_), {}, *store_, nullptr);
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  ASSERT_EQ(tree->size(), 4U);
  const tree::Entry* read = tree->Find("d/f");
  EXPECT_EQ(read->xattrs, file.xattrs);
  EXPECT_EQ(read->uid, 3'000'000U);
  EXPECT_EQ(Get(read->digest), "12345");
  EXPECT_EQ(tree->Find("g")->link, "d/f");
  EXPECT_EQ(Print(*tree->Find("null")), "c 0666 0:0 null 1,3");
}

TEST_F(TarOutputTest, AFileHasTheSizeThatWasAnnounced) {
  ASSERT_TRUE(out_.Entry(File("f", 5)).ok());
  ASSERT_TRUE(out_.Data("1234").ok());
  EXPECT_EQ(out_.Entry(File("g", 0)).code(), Code::kInternal);
  EXPECT_EQ(out_.Finish().code(), Code::kInternal);
  EXPECT_EQ(out_.Data("56").code(), Code::kInternal);
}

}  // namespace
}  // namespace slipway::image
