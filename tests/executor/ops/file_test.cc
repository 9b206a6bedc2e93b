// File operations: what a COPY takes and where it puts it.
#include "executor/ops/file.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/layer/view.h"
#include "executor/ops/selection.h"

namespace slipway::ops {
namespace {

using graph::CopyAction;

class FileOpsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = fs::TempDir::Make();
    ASSERT_TRUE(dir.ok());
    dir_ = *std::move(dir);
    content_ = *content::Store::Open(dir_.path() + "/content");
    layers_ = *layer::Store::Open({.root = dir_.path() + "/layers", .limits = {}}, *content_, pool_, nullptr);
    lease_ = *content_->NewLease("the test");
    ops_ = std::make_unique<FileOps>(*layers_, *content_);
  }

  /// "dir/" makes a folder, "a -> b" a link, "a=text" a file with that content.
  solver::Output Root(const std::vector<std::string>& lines) {
    std::vector<tree::Entry> entries;
    for (const std::string& line : lines) {
      tree::Entry entry;
      entry.mode = 0644;
      entry.mtime.seconds = 1000;
      if (line.ends_with('/')) {
        entry.path = line.substr(0, line.size() - 1);
        entry.type = tree::Type::kDirectory;
        entry.mode = 0755;
      } else if (const size_t arrow = line.find(" -> "); arrow != std::string::npos) {
        entry.path = line.substr(0, arrow);
        entry.type = tree::Type::kSymlink;
        entry.link = line.substr(arrow + 4);
        entry.mode = 0777;
      } else {
        const size_t equals = line.find('=');
        entry.path = line.substr(0, equals);
        const std::string text = line.substr(equals + 1);
        entry.size = text.size();
        entry.digest = *content_->Put(text, &lease_);
      }
      entries.push_back(std::move(entry));
    }
    const tree::Tree tree(std::move(entries));
    return {{*layers_->AddRecipe(tree)}, tree::DigestOf(tree)};
  }

  static CopyAction Copy(std::vector<std::string> sources, const std::string& destination) {
    CopyAction copy;
    copy.sources = std::move(sources);
    copy.destination = destination;
    return copy;
  }

  Result<layer::Chain> Run(const CopyAction& copy, const solver::Output& root, const solver::Output& context,
                           bool link = false, const WhyMissing& why = nullptr) {
    graph::FileOp op;
    op.actions.emplace_back(copy);
    op.link = link;
    const std::vector<solver::Output> inputs = {root, context};
    const auto source = [&why](const solver::Output& output) {
      return graph::Make(graph::SourceOp{.chain = output.chain, .identity = output.key, .why_missing = why}, {}, {});
    };
    const graph::VertexPtr vertex = graph::Make(op, {source(root), source(context)}, {});
    SLIPWAY_ASSIGN_OR_RETURN(const solver::ContentKey key, ops_->Key(ctx_, op, *vertex, inputs, {}));
    key_ = key.key;
    return ops_->Run(ctx_, op, inputs, key, &lease_, {});
  }

  /// All that is in the file system, as Root takes it, sorted.
  std::vector<std::string> Show(const layer::Chain& chain) {
    layer::View view(*layers_, chain, {});
    std::vector<std::string> out;
    const auto below = view.Below(ctx_, "");
    EXPECT_TRUE(below.ok());
    for (const layer::Seen& seen : *below) {
      const tree::Entry& entry = *seen.entry;
      if (entry.is_dir()) {
        out.push_back(entry.path + "/");
      } else if (entry.type == tree::Type::kSymlink) {
        out.push_back(entry.path + " -> " + entry.link);
      } else {
        const auto digest = view.Content(ctx_, seen.Copy(), nullptr);
        out.push_back(entry.path + "=" + (digest.ok() ? *content_->Open(*digest)->ReadAll() : "?"));
      }
    }
    return out;
  }

  std::vector<std::string> Copied(const CopyAction& copy, const solver::Output& root, const solver::Output& context) {
    const auto chain = Run(copy, root, context);
    EXPECT_TRUE(chain.ok()) << chain.status().message();
    return chain.ok() ? Show(*chain) : std::vector<std::string>();
  }

  using Lines = std::vector<std::string>;
  const Context ctx_ = Context::Background();
  fs::TempDir dir_;
  ThreadPool pool_{2};
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<layer::Store> layers_;
  content::Lease lease_;
  std::unique_ptr<FileOps> ops_;
  Digest key_;
};

TEST_F(FileOpsTest, FileToNewNameMakesFolders) {
  EXPECT_EQ(Copied(Copy({"f"}, "/a/b/g"), Root({}), Root({"f=1"})), (Lines{"a/", "a/b/", "a/b/g=1"}));
}

TEST_F(FileOpsTest, FileIntoFolderKeepsItsName) {
  EXPECT_EQ(Copied(Copy({"f"}, "/d"), Root({"d/"}), Root({"f=1"})), (Lines{"d/", "d/f=1"}));
  EXPECT_EQ(Copied(Copy({"f"}, "/new/"), Root({}), Root({"f=1"})), (Lines{"new/", "new/f=1"}));
}

TEST_F(FileOpsTest, FolderGivesItsContents) {
  EXPECT_EQ(Copied(Copy({"d"}, "/to"), Root({}), Root({"d/", "d/f=1", "d/s/", "d/s/l -> ../f"})),
            (Lines{"to/", "to/f=1", "to/s/", "to/s/l -> ../f"}));
}

TEST_F(FileOpsTest, FoldersAreMerged) {
  EXPECT_EQ(Copied(Copy({"d"}, "/"), Root({"s/", "s/old=0", "x=0"}), Root({"d/", "d/s/", "d/s/new=1", "d/x=1"})),
            (Lines{"s/", "s/new=1", "s/old=0", "x=1"}));
}

TEST_F(FileOpsTest, LinkInDestinationIsFollowedInsideTheRoot) {
  EXPECT_EQ(Copied(Copy({"f"}, "/var/run/f"), Root({"run/", "var/", "var/run -> ../../../run"}), Root({"f=1"})),
            (Lines{"run/", "run/f=1", "var/", "var/run -> ../../../run"}));
}

TEST_F(FileOpsTest, FileReplacesLinkInsteadOfWritingThroughIt) {
  EXPECT_EQ(Copied(Copy({"d"}, "/"), Root({"passwd=secret", "l -> passwd"}), Root({"d/", "d/l=1"})),
            (Lines{"l=1", "passwd=secret"}));
}

TEST_F(FileOpsTest, SourceLinkIsFollowedInsideTheContext) {
  EXPECT_EQ(Copied(Copy({"l"}, "/f"), Root({}), Root({"l -> ../../../../../t", "t=inside"})), (Lines{"f=inside"}));
}

TEST_F(FileOpsTest, SourceAboveTheContextIsClamped) {
  EXPECT_EQ(Copied(Copy({"../../f"}, "/g"), Root({}), Root({"f=1"})), (Lines{"g=1"}));
}

TEST_F(FileOpsTest, WildcardsMatchOneLevel) {
  const auto context = Root({"a.txt=1", "b.txt=2", "d/", "d/c.txt=3", "e.md=4"});
  EXPECT_EQ(Copied(Copy({"*.txt"}, "/t/"), Root({}), context), (Lines{"t/", "t/a.txt=1", "t/b.txt=2"}));
  EXPECT_EQ(Copied(Copy({"*/*.txt"}, "/t/"), Root({}), context), (Lines{"t/", "t/c.txt=3"}));
}

TEST_F(FileOpsTest, FilesOfAStepsLayerComeInTogether) {
  const std::string upper = layers_->NewUpper();
  ASSERT_TRUE(fs::MakeDirs(upper + "/out/sub", 0755).ok());
  const std::string large(content::kLargestPacked + 1, 'x');
  ASSERT_TRUE(fs::WriteFileAtomic(upper + "/out/a", "text").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(upper + "/out/empty", "").ok());
  ASSERT_TRUE(fs::WriteFileAtomic(upper + "/out/sub/large", large).ok());
  ASSERT_EQ(::link((upper + "/out/a").c_str(), (upper + "/out/sub/b").c_str()), 0);
  const auto key = layers_->AddUpper(upper, {});
  ASSERT_TRUE(key.ok()) << key.status().message();
  const auto chain = Run(Copy({"out"}, "/dst/"), Root({}), {{*key}, Digest::Of("step")});
  ASSERT_TRUE(chain.ok()) << chain.status().message();
  layer::View view(*layers_, *chain, {});
  EXPECT_EQ(*view.ReadFile(ctx_, "dst/a", *content_, 100), "text");
  EXPECT_EQ(*view.ReadFile(ctx_, "dst/empty", *content_, 100), "");
  EXPECT_EQ(*view.ReadFile(ctx_, "dst/sub/b", *content_, 100), "text");
  EXPECT_TRUE(*view.ReadFile(ctx_, "dst/sub/large", *content_, large.size()) == large);
  const auto link = *view.Lookup(ctx_, "dst/sub/b");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->entry.type, tree::Type::kHardlink);
}

TEST_F(FileOpsTest, MissingSourceNamesIt) {
  const auto chain = Run(Copy({"nope"}, "/"), Root({}), Root({"f=1"}));
  ASSERT_FALSE(chain.ok());
  EXPECT_EQ(chain.code(), Code::kNotFound);
  EXPECT_NE(chain.status().message().find("'/nope'"), std::string::npos);
}

TEST_F(FileOpsTest, WhatTheContextSaysOfAMissingPathIsTold) {
  const auto ignored = [](const std::string& path) { return path == "a.log" ? "is left out" : ""; };
  EXPECT_EQ(Run(Copy({"a.log"}, "/"), Root({}), Root({"f=1"}), false, ignored).status().message(),
            "'/a.log' is left out");
  EXPECT_EQ(Run(Copy({"b"}, "/"), Root({}), Root({"f=1"}), false, ignored).code(), Code::kNotFound);
}

TEST_F(FileOpsTest, ALinkThatLeadsOutOfTheContextIsToldApart) {
  const auto link = Run(Copy({"pw"}, "/"), Root({}), Root({"pw -> /etc/passwd"}));
  EXPECT_EQ(link.status().message(),
            "'/pw' is a symbolic link to '/etc/passwd', which the build context does not have");
  const auto flag = Run(Copy({"--chown=1:1"}, "/"), Root({}), Root({"f=1"}));
  EXPECT_EQ(flag.status().message(), "'/--chown=1:1' is not in the build context; flags stand before the sources");
}

TEST_F(FileOpsTest, FolderOverFileAndFileOverFolderAreRefused) {
  EXPECT_EQ(Run(Copy({"d"}, "/x"), Root({"x=1"}), Root({"d/", "d/f=1"})).code(), Code::kFailedPrecondition);
  EXPECT_EQ(Run(Copy({"d"}, "/"), Root({"f/", "f/g=1"}), Root({"d/", "d/f=1"})).code(), Code::kFailedPrecondition);
}

TEST_F(FileOpsTest, ExcludedFilesAreLeftOut) {
  CopyAction copy = Copy({"d"}, "/t");
  copy.exclude = {"*.md", "s"};
  EXPECT_EQ(Copied(copy, Root({}), Root({"d/", "d/a.md=1", "d/b=2", "d/s/", "d/s/c=3"})), (Lines{"t/", "t/b=2"}));
}

TEST_F(FileOpsTest, ParentsAreKeptFromThePivot) {
  CopyAction copy = Copy({"x/./y/f"}, "/t/");
  copy.parents = true;
  EXPECT_EQ(Copied(copy, Root({}), Root({"x/", "x/y/", "x/y/f=1", "x/y/g=2"})), (Lines{"t/", "t/y/", "t/y/f=1"}));
}

TEST_F(FileOpsTest, OwnerAndModeAreSet) {
  CopyAction copy = Copy({"f"}, "/d/f");
  copy.owner = graph::Owner{"7", "8"};
  copy.mode = "0600";
  const auto chain = Run(copy, Root({}), Root({"f=1"}));
  ASSERT_TRUE(chain.ok());
  layer::View view(*layers_, *chain, {});
  const auto file = view.Lookup(ctx_, "d/f");
  ASSERT_TRUE(file.ok() && file->has_value());
  EXPECT_EQ((*file)->entry.uid, 7U);
  EXPECT_EQ((*file)->entry.gid, 8U);
  EXPECT_EQ((*file)->entry.mode, 0600U);
  EXPECT_EQ((*view.Lookup(ctx_, "d"))->entry.uid, 7U);
  EXPECT_EQ((*view.Lookup(ctx_, "d"))->entry.mode, 0600U);  // made by the copy, so --chmod is for it too
}

TEST_F(FileOpsTest, LayerHasEveryFolderOnTheWay) {
  const auto chain = Run(Copy({"f"}, "/a/b/f"), Root({"a/", "a/b/"}), Root({"f=1"}));
  ASSERT_TRUE(chain.ok());
  const auto index = layers_->Index(ctx_, chain->back(), {});
  ASSERT_TRUE(index.ok());
  EXPECT_NE((*index)->Find("a"), nullptr);
  EXPECT_NE((*index)->Find("a/b"), nullptr);
}

TEST_F(FileOpsTest, KeyIsOfWhatIsCopiedOnly) {
  const auto root = Root({});
  ASSERT_TRUE(Run(Copy({"f"}, "/f"), root, Root({"f=1", "README=a"})).ok());
  const Digest first = key_;
  ASSERT_TRUE(Run(Copy({"f"}, "/f"), root, Root({"f=1", "README=b"})).ok());
  EXPECT_EQ(key_, first);
  ASSERT_TRUE(Run(Copy({"f"}, "/f"), root, Root({"f=2", "README=b"})).ok());
  EXPECT_NE(key_, first);
}

TEST_F(FileOpsTest, LinkedLayerDoesNotDependOnTheBase) {
  const auto context = Root({"f=1"});
  const auto one = Run(Copy({"f"}, "/a/f"), Root({"a/", "a/x=1"}), context, true);
  const auto two = Run(Copy({"f"}, "/a/f"), Root({"other=2"}), context, true);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->back(), two->back());
}

TEST_F(FileOpsTest, EqualCopiesOverDifferentBasesShareTheirLayer) {
  const auto context = Root({"f=1"});
  const auto one = Run(Copy({"f"}, "/a/f"), Root({"a/", "a/x=1"}), context);
  const auto two = Run(Copy({"f"}, "/a/f"), Root({"a/", "a/x=2"}), context);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE((*one)[0], (*two)[0]);
  EXPECT_EQ(one->back(), two->back());
}

}  // namespace
}  // namespace slipway::ops
