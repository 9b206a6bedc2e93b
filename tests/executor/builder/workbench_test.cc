// Containers on images that were built here: the real builder, runtime and networks. Needs root, a runtime and busybox.
#include "executor/builder/workbench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/builder/builder.h"
#include "executor/tree/entry.h"

namespace slipway::builder {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Quiet : public ProgressSink {
  void OnEvent(const ProgressEvent&) override {}
};

class WorkbenchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    if (::access("/bin/busybox", X_OK) != 0) GTEST_SKIP() << "needs /bin/busybox (package busybox-static)";
    dir_ = fs::TempDir::Make("", "slipway-workbench-").value();
    ASSERT_EQ(::chmod(dir_.path().c_str(), 0755), 0);
    options_.root = fs::Join(dir_.path(), "state");
    auto builder = Builder::Open(options_);
    if (!builder.ok()) GTEST_SKIP() << builder.status().message();
    builder_ = std::move(builder).value();
    lease_ = builder_->store().NewLease("test").value();
  }
  void TearDown() override {
    bench_.reset();
    image_.reset();
  }

  Digest Put(const std::string& bytes) {
    const auto batch = builder_->store().BeginBatch().value();
    const Digest digest = batch->Add(bytes).value();
    EXPECT_TRUE(batch->Commit(&lease_).ok());
    return digest;
  }
  tree::Entry File(const std::string& path, const std::string& bytes, uint32_t mode = 0644) {
    tree::Entry entry;
    entry.path = path;
    entry.mode = mode;
    entry.size = bytes.size();
    entry.digest = Put(bytes);
    return entry;
  }
  static tree::Entry Folder(const std::string& path) {
    tree::Entry entry;
    entry.path = path;
    entry.type = tree::Type::kDirectory;
    entry.mode = 0755;
    return entry;
  }
  static tree::Entry Link(const std::string& path, const std::string& target) {
    tree::Entry entry;
    entry.path = path;
    entry.type = tree::Type::kSymlink;
    entry.mode = 0777;
    entry.link = target;
    return entry;
  }
  source::ContextSpec Upload(std::vector<tree::Entry> entries) {
    return source::UploadedContext{.tree = Put(tree::Encode(tree::Tree(std::move(entries))))};
  }

  std::shared_ptr<const BuiltImage> Build(const std::string& dockerfile, source::ContextSpec context,
                                          std::map<std::string, std::shared_ptr<const BuiltImage>> local = {}) {
    BuildRequest request;
    request.context = std::move(context);
    request.dockerfile_text = dockerfile;
    request.local_images = std::move(local);
    auto built = builder_->Build(Context::Background(), request, quiet_);
    EXPECT_TRUE(built.ok()) << built.status().message();
    return built.ok() ? std::make_shared<const BuiltImage>(*std::move(built)) : nullptr;
  }
  // Busybox with a config to tell by.
  void MakeImage() {
    image_ = Build(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY passwd /etc/passwd\n"
        "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n"
        "ENV A=image B=image\nWORKDIR /work\nENTRYPOINT [\"/bin/sh\", \"-c\"]\nCMD [\"echo from the image\"]\n",
        Upload({File("busybox", fs::ReadFile("/bin/busybox").value(), 0755),
                File("passwd", "root:x:0:0::/root:/bin/sh\napp:x:1001:1002::/home/app:/bin/sh\n")}));
    ASSERT_NE(image_, nullptr);
  }
  void OpenBench(source::ContextSpec context = source::NoContext()) {
    bench_ = builder_->OpenWorkbench("ca1", {}).value();
    const auto facts = bench_->Load(Context::Background(), context, quiet_);
    ASSERT_TRUE(facts.ok()) << facts.status().message();
  }

  Result<std::unique_ptr<Container>> Start(const ContainerRequest& request,
                                           const Context& ctx = Context::Background()) {
    const auto runnable = bench_->Use(*image_, "box");
    EXPECT_TRUE(runnable.ok()) << runnable.status().message();
    return bench_->StartContainer(ctx, *runnable, request,
                                  [this](runtime::Stream, std::string_view bytes) { out_.Lock()->append(bytes); }, {});
  }
  // Runs a script to its end; what it printed, then its exit code if that is not 0.
  std::string Run(ContainerRequest request, const std::string& script = "") {
    out_.Lock()->clear();
    if (!script.empty()) request.args = {script};
    auto container = Start(request);
    if (!container.ok()) return container.status().ToString();
    const auto exit = (*container)->Wait(Context::Background());
    if (!exit.ok()) return exit.status().ToString();
    return *out_.Lock() + (exit->exit.ok() ? "" : exit->exit.ToString());
  }

  fs::TempDir dir_;
  Options options_;
  std::unique_ptr<Builder> builder_;
  content::Lease lease_;
  std::shared_ptr<const BuiltImage> image_;
  std::unique_ptr<Workbench> bench_;
  Quiet quiet_;
  Guarded<std::string> out_;
};

TEST_F(WorkbenchTest, AContainerIsWhatItsImageSaysUnlessTheRequestSaysOtherwise) {
  MakeImage();
  OpenBench();
  EXPECT_EQ(Run({}), "from the image\n");
  EXPECT_EQ(Run({}, "echo $A $B $HOME; pwd; id -u"), "image image /acb/home\n/work\n0\n");
  ContainerRequest request;
  request.env = {"B=one", "B=two", "HOME=/elsewhere"};
  request.working_directory = "/workspace/deep/down";
  request.user = "app";
  request.hostname = "box";
  EXPECT_EQ(Run(request, "echo $A $B $HOME $HOSTNAME; pwd; id -u; id -g; hostname"),
            "image two /elsewhere box\n/workspace/deep/down\n1001\n1002\nbox\n");
  ContainerRequest echo;
  echo.entry_point = "/bin/echo";
  EXPECT_EQ(Run(echo), "\n");  // the image's CMD does not go with another entry point
  echo.args = {"a  b", "c"};
  EXPECT_EQ(Run(echo), "a  b c\n");
  ContainerRequest none;
  none.entry_point = "";
  EXPECT_THAT(Run(none), HasSubstr("no command is given, and the image has none"));
}

TEST_F(WorkbenchTest, StepsShareWorkspaceAndHome) {
  MakeImage();
  OpenBench(Upload({Folder("src"), File("src/main.c", "int main;\n"), Link("out", "/etc")}));
  EXPECT_EQ(Run({}, "cat /workspace/src/main.c; echo made > /workspace/made; echo kept > $HOME/kept"), "int main;\n");
  EXPECT_EQ(Run({}, "cat /workspace/made $HOME/kept"), "made\nkept\n");
  bench_.reset();
  EXPECT_FALSE(fs::Exists(fs::Join(options_.root, "runs/ca1")));
}

TEST_F(WorkbenchTest, ABuildSeesWhatContainersWrote) {
  MakeImage();
  OpenBench(Upload({Folder("app"), File("app/Dockerfile", "FROM box\nCOPY . /app\n"), File("app/a", "old"),
                    File(".dockerignore", "not this one"), File("app/.dockerignore", "junk\n"), File("app/b", "b")}));
  const auto files = [&] {
    auto folder = bench_->ReadFolder(Context::Background(), "/workspace/app", "/workspace/app/Dockerfile");
    EXPECT_TRUE(folder.ok()) << folder.status().message();
    EXPECT_EQ(folder->dockerfile_text, "FROM box\nCOPY . /app\n");
    const Digest digest = std::get<source::UploadedContext>(folder->context).tree;
    std::string text;
    const tree::Tree tree = tree::Decode(builder_->store().Open(digest)->ReadAll().value()).value();
    for (const tree::Entry& entry : tree.entries()) {
      text += entry.path;
      if (entry.is_file()) text += "=" + builder_->store().Open(entry.digest)->ReadAll().value().substr(0, 9);
      text += ";";
    }
    return text;
  };
  const std::string before = files();
  EXPECT_EQ(before, ".dockerignore=junk\n;Dockerfile=FROM box\n;a=old;b=b;");
  EXPECT_FALSE(fs::Exists(fs::Join(options_.root, "runs/ca1/workspace/app")));  // nobody needed it yet
  Run({}, "cd /workspace/app; echo -n new > a; rm b; mkdir d; echo -n x > d/x; ln d/x d/y; echo > junk; ln -s / root");
  EXPECT_EQ(files(), ".dockerignore=junk\n;Dockerfile=FROM box\n;a=new;d;d/x=x;d/y;root;");
  // The same size and time, but another file.
  Run({}, "cd /workspace/app; touch -r a /tmp/t; echo -n two > a; touch -r /tmp/t a");
  EXPECT_THAT(files(), HasSubstr("a=two;"));

  auto folder = bench_->ReadFolder(Context::Background(), "/workspace/app", "/workspace/app/Dockerfile");
  ASSERT_TRUE(folder.ok());
  const auto on_top = Build(folder->dockerfile_text, folder->context, {{"docker.io/library/box:latest", image_}});
  ASSERT_NE(on_top, nullptr);
  image_ = on_top;
  EXPECT_EQ(Run({}, "cat /app/a /app/d/y; echo $A"), "twoximage\n");
}

TEST_F(WorkbenchTest, LinksOfTheWorkspaceLeadNowhereElse) {
  MakeImage();
  OpenBench(Upload({File("Dockerfile", "FROM scratch\n")}));
  Run({}, "ln -s /etc /workspace/outside; ln -s /etc/passwd /workspace/Passwd");
  EXPECT_EQ(bench_->ReadFolder(Context::Background(), "/workspace/outside", "/workspace/Dockerfile").code(),
            Code::kNotFound);
  EXPECT_EQ(bench_->ReadFolder(Context::Background(), "/workspace", "/workspace/Passwd").code(), Code::kNotFound);
  EXPECT_THAT(bench_->ReadFolder(Context::Background(), "/etc", "/workspace/Dockerfile").status().message(),
              HasSubstr("does not lie in /workspace"));
}

TEST_F(WorkbenchTest, ALocalBaseIsAssembledWithTheImageOnTop) {
  MakeImage();
  const auto on_top =
      Build("FROM box\nRUN echo hi > /hi\n", source::NoContext(), {{"docker.io/library/box:latest", image_}});
  ASSERT_NE(on_top, nullptr);
  const auto info = builder_->Assemble(Context::Background(), *on_top, quiet_);
  ASSERT_TRUE(info.ok()) << info.status().message();
  const auto base = builder_->Assemble(Context::Background(), *image_, quiet_);
  ASSERT_EQ(info->layers.size(), base->layers.size() + 1);
  for (size_t i = 0; i < base->layers.size(); ++i) EXPECT_EQ(info->layers[i].digest, base->layers[i].digest);
  ASSERT_EQ(on_top->bases.size(), 1U);
  EXPECT_EQ(on_top->bases[0].reference.ToString(), "docker.io/library/box:latest");
}

TEST_F(WorkbenchTest, CancelEndsEveryProcess) {
  MakeImage();
  OpenBench();
  const Context ctx = Context::Background().Child();
  ContainerRequest request;
  request.args = {"(trap '' TERM; while true; do sleep 7654; done) & sleep 7654"};
  auto container = Start(request);
  ASSERT_TRUE(container.ok()) << container.status().message();
  ctx.Cancel(Cancelled("canceled by request"));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ((*container)->Wait(ctx).status().message(), "canceled by request");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));  // a bound for a hang, no measurement
  EXPECT_EQ(::system("pgrep -f 'sleep 765[4]' > /dev/null"), 256);
}

TEST_F(WorkbenchTest, WhatTheOperatorDoesNotAllowIsRefused) {
  MakeImage();
  OpenBench();
  ContainerRequest privileged;
  privileged.privileged = true;
  EXPECT_EQ(Start(privileged).code(), Code::kPermissionDenied);
  ContainerRequest host;
  host.network = "host";
  EXPECT_EQ(Start(host).code(), Code::kPermissionDenied);
  ContainerRequest unknown;
  unknown.network = "nobody";
  EXPECT_EQ(Start(unknown).code(), Code::kNotFound);
  ContainerRequest missing;
  missing.entry_point = "/bin/nothing";
  EXPECT_EQ(Start(missing).code(), Code::kNotFound);
}

TEST_F(WorkbenchTest, ContainersOfANetworkFindEachOther) {
  MakeImage();
  OpenBench();
  if (const Status status = bench_->AddNetwork(Context::Background(), "net"); !status.ok()) {
    GTEST_SKIP() << status.message();
  }
  ContainerRequest db;
  db.network = "net";
  db.aliases = {"db"};
  db.hostname = "db";
  db.args = {"while true; do nc -l -p 5432 -e echo a row; done"};
  auto service = Start(db);
  ASSERT_TRUE(service.ok()) << service.status().message();
  ContainerRequest test;
  test.network = "net";
  EXPECT_THAT(Run(test, "for i in 1 2 3 4 5 6 7 8 9; do nc -w 5 db 5432 < /dev/null && exit; sleep 0.2; done"),
              HasSubstr("a row\n"));
  // A network of the same name is another run's own.
  auto other = builder_->OpenWorkbench("ca2", {}).value();
  EXPECT_TRUE(other->AddNetwork(Context::Background(), "net").ok());
}

TEST_F(WorkbenchTest, AWorkbenchIsOpenOnce) {
  OpenBench();
  EXPECT_EQ(builder_->OpenWorkbench("ca1", {}).code(), Code::kAlreadyExists);
}

}  // namespace
}  // namespace slipway::builder
