#include "executor/dockerfile/lent_mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/dockerfile/mount.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;

std::string InWork(std::string_view path) {
  return path.starts_with('/') ? std::string(path) : "/work/" + std::string(path);
}

// "id target env mode uid:gid", or the error's code.
std::string Read(std::string_view text) {
  const WordExpander expander('\\', [](std::string_view) { return std::nullopt; });
  const Result<Mount> mount = ParseMount(text, &expander);
  if (!mount.ok()) return mount.status().ToString();
  const auto made = mount->type == MountType::kSsh ? SshMount(*mount, InWork) : SecretMount(*mount, InWork);
  if (!made.ok()) return std::string(CodeName(made.code()));
  return fmt::format("{} {} {} {:o} {}:{}{}", made->id, made->target.empty() ? "-" : made->target,
                     made->env.value_or("-"), made->mode.value_or(0), made->uid, made->gid,
                     made->required ? " required" : "");
}

TEST(SecretMount, IsAFileBelowRunSecrets) {
  EXPECT_EQ(Read("type=secret,id=tok"), "tok /run/secrets/tok - 400 0:0");
  EXPECT_EQ(Read("type=secret,id=a/b"), "a/b /run/secrets/b - 400 0:0");
  EXPECT_EQ(Read("type=secret,src=tok,required"), "tok /run/secrets/tok - 400 0:0 required");
}

TEST(SecretMount, TakesItsNameFromTheTarget) {
  EXPECT_EQ(Read("type=secret,target=/etc/tok"), "tok /etc/tok - 400 0:0");
  EXPECT_EQ(Read("type=secret,id=x,dst=rel"), "x /work/rel - 400 0:0");
}

TEST(SecretMount, HasOwnerAndMode) {
  EXPECT_EQ(Read("type=secret,id=x,mode=0444,uid=5,gid=6"), "x /run/secrets/x - 444 5:6");
  EXPECT_EQ(Read("type=secret,id=x,uid=5"), "x /run/secrets/x - 400 5:0");
}

TEST(SecretMount, IsAVariableAndAFileOnlyWithATarget) {
  EXPECT_EQ(Read("type=secret,id=x,env=TOK"), "x - TOK 400 0:0");
  EXPECT_EQ(Read("type=secret,id=x,env=TOK,target=/f"), "x /f TOK 400 0:0");
  EXPECT_EQ(Read("type=secret,id=x,env=A=B"), "INVALID_ARGUMENT");
}

TEST(SecretMount, IsNeverTheRoot) { EXPECT_EQ(Read("type=secret,id=x,target=/"), "INVALID_ARGUMENT"); }

TEST(SshMount, IsTheDefaultAgent) {
  EXPECT_EQ(Read("type=ssh"), "default - - 600 0:0");
  EXPECT_EQ(Read("type=ssh,id=mine,target=/s,mode=741,uid=1,gid=2,required"), "mine /s - 741 1:2 required");
  EXPECT_EQ(Read("type=ssh,source=x"), "INVALID_ARGUMENT");
}

TEST(SshMount, SocketsWithoutATargetAreNumbered) {
  graph::ExecOp op;
  op.mounts = {{.type = graph::MountType::kCache, .target = "/c"},
               {.type = graph::MountType::kSsh, .id = "a"},
               {.type = graph::MountType::kSsh, .target = "/own"},
               {.type = graph::MountType::kSsh, .id = "b"}};
  PlaceAgentSockets(op);
  EXPECT_EQ(op.mounts[1].target, "/run/buildkit/ssh_agent.0");
  EXPECT_EQ(op.mounts[2].target, "/own");
  EXPECT_EQ(op.mounts[3].target, "/run/buildkit/ssh_agent.2");
  EXPECT_THAT(op.env, ElementsAre("SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0"));
}

TEST(SshMount, AVariableOfTheImageStays) {
  graph::ExecOp op;
  op.env = {"SSH_AUTH_SOCK=/mine"};
  op.mounts = {{.type = graph::MountType::kSsh}};
  PlaceAgentSockets(op);
  EXPECT_THAT(op.env, ElementsAre("SSH_AUTH_SOCK=/mine"));
}

TEST(SshMount, WithoutAgentsNothingIsSet) {
  graph::ExecOp op;
  PlaceAgentSockets(op);
  EXPECT_THAT(op.env, ElementsAre());
}

}  // namespace
}  // namespace slipway::dockerfile
