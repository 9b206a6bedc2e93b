// Where errors of a step point: the Dockerfile is given, and what the step's execution says.
#include "executor/dockerfile/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/executor/dockerfile/lowering.h"

namespace slipway::dockerfile {
namespace {

using ::testing::HasSubstr;

/// What a person reads if the step whose name ends in `step` fails with `error`.
std::string Told(const std::string& text, const std::string& step, const Status& error, Images images = {}) {
  const auto lowered = LowerText(text, {}, std::move(images));
  if (!lowered.ok()) return lowered.status().message();
  for (const graph::VertexPtr& vertex : graph::Topological({lowered->result})) {
    if (vertex->name.ends_with(step)) return vertex->position.point(error, vertex->name).message();
  }
  return "there is no such step";
}

TEST(Blame, AStepThatFailsShowsItsInstruction) {
  EXPECT_EQ(Told("FROM scratch\n  RUN make \\\n    all\n", "RUN make     all", FailedPrecondition("exit code 2")),
            "Dockerfile:2:3: [2/2] RUN make     all: exit code 2\n"
            "    2 |   RUN make \\\n"
            "      |   ^");
}

TEST(Blame, TheSourceThatIsMissingIsPointedAt) {
  const Status missing = NotFound("'/b/c' is not there to be copied");
  EXPECT_EQ(Told("FROM scratch\nCOPY --chmod=644 a ./b/c /d/\n", "/d/", missing),
            "Dockerfile:2:20: [2/2] COPY --chmod=644 a ./b/c /d/: '/b/c' is not there to be copied\n"
            "    2 | COPY --chmod=644 a ./b/c /d/\n"
            "      |                    ^");
  EXPECT_THAT(Told("FROM scratch\nCOPY a \\\n  b/c /d/\n", "/d/", missing), HasSubstr("Dockerfile:3:3: "));
  EXPECT_THAT(Told("FROM scratch\nARG X=b\nCOPY a ${X}/c /\n", "/c /", missing), HasSubstr("Dockerfile:3:8: "));
  EXPECT_THAT(Told("FROM scratch\nCOPY [\"a\", \"b/c\", \"/\"]\n", "\"/\"]", missing), HasSubstr("Dockerfile:2:13: "));
}

TEST(Blame, TheDestinationIsPointedAt) {
  EXPECT_THAT(Told("FROM scratch\nWORKDIR /w\nCOPY a b\n", "COPY a b",
                   FailedPrecondition("'/w/b' is there already, and is not a folder")),
              HasSubstr("Dockerfile:3:8: "));
}

TEST(Blame, AnAddressOrItsChecksumIsPointedAt) {
  const std::string digest = Digest::Of("x").ToString();
  const std::string text = "FROM scratch\nADD --checksum=" + digest + " http://h/f /\n";
  EXPECT_THAT(Told(text, "fetch http://h/f", FailedPrecondition("GET 'http://h/f': 404")),
              HasSubstr("Dockerfile:2:88: [internal] fetch http://h/f: GET"));
  EXPECT_THAT(Told(text, "fetch http://h/f",
                   FailedPrecondition("'http://h/f': digest mismatch: expected {}, got sha256:1", digest)),
              HasSubstr("Dockerfile:2:5: "));
}

TEST(Blame, AnAddressIsShownWithoutItsSecrets) {
  const Status status = FailedPrecondition("404");
  EXPECT_THAT(Told("FROM scratch\nADD http://u:pw@h/f?sig=abc /\n", "fetch http://h/f?…", status),
              HasSubstr("[internal] fetch http://h/f?…: 404\n"));
  EXPECT_THAT(Told("FROM scratch\nADD git@h:o/r.git#main /\n", "fetch git@h:o/r.git#main", status),
              HasSubstr("[internal] fetch git@h:o/r.git#main: 404"));
}

TEST(Blame, AnOwnerOfACopyIsItsFlags) {
  const Status unknown = InvalidArgument("owner 'me': names are looked up in the image's /etc/passwd");
  EXPECT_THAT(Told("FROM scratch\nUSER you\nCOPY --chown=me:us a /\n", "a /", unknown), HasSubstr("Dockerfile:3:6: "));
  EXPECT_THAT(Told("FROM scratch\nCOPY --chown=me:us a /\n", "a /", InvalidArgument("unable to find group 'us'")),
              HasSubstr("Dockerfile:2:6: "));
}

TEST(Blame, AUserIsTheUserInstructions) {
  const std::string text =
      "FROM scratch AS one\n"
      "ARG WHO=nobdy\n"
      "USER $WHO:staf\n"
      "FROM one\n"
      "WORKDIR /w\n"
      "RUN x\n";
  EXPECT_EQ(Told(text, "RUN x", InvalidArgument("unable to find user 'nobdy'")),
            "Dockerfile:3:6: [stage-1 3/3] RUN x: unable to find user 'nobdy'\n"
            "    3 | USER $WHO:staf\n"
            "      |      ^");
  EXPECT_THAT(Told(text, "RUN x", InvalidArgument("unable to find group 'staf'")), HasSubstr("Dockerfile:3:6: "));
  EXPECT_THAT(Told(text, "WORKDIR /w", InvalidArgument("owner 'nobdy': no such")), HasSubstr("Dockerfile:3:6: "));
  EXPECT_THAT(Told(text, "RUN x", InvalidArgument("the command 'x' ended with exit code 1")),
              HasSubstr("Dockerfile:6:1: "));
}

TEST(Blame, AMountIsItsFlag) {
  const std::string text = "FROM scratch\nRUN --mount=type=tmpfs,target=/t --mount=source=b,target=/b x\n";
  EXPECT_THAT(Told(text, "/b x", NotFound("mount on '/b': '/b' is not there to be mounted")),
              HasSubstr("Dockerfile:2:42: "));
  EXPECT_THAT(
      Told("FROM scratch\nRUN --mount=type=secret,id=key,required=true x\n", " x", NotFound("secret 'key': not found")),
      HasSubstr("Dockerfile:2:13: "));
}

Images WithTrigger(const std::string& trigger) {
  oci::ImageConfig config;
  config.config.on_build = {trigger};
  Images images;
  images.Add("base", config);
  return images;
}

TEST(Blame, ATriggerNamesTheImageThatBroughtIt) {
  const std::string text = "ARG B=base\nFROM scratch AS other\nFROM $B\nRUN own\n";
  EXPECT_EQ(Told(text, "RUN make", FailedPrecondition("exit code 2"), WithTrigger("RUN make")),
            "Dockerfile:3:6: [stage-1 2/3] RUN make: ONBUILD trigger of the base image 'base': exit code 2\n"
            "    3 | FROM $B\n"
            "      |      ^");
  EXPECT_THAT(Told(text, "RUN own", FailedPrecondition("exit code 2"), WithTrigger("RUN make")),
              HasSubstr("Dockerfile:4:1: [stage-1 3/3] RUN own: exit code 2\n"));
}

TEST(Blame, ATriggerThatIsWrongIsShown) {
  const std::string text = "FROM base\n";
  EXPECT_THAT(Told(text, "", Status(), WithTrigger("STOPSIGNAL TREM")),
              HasSubstr("Dockerfile:1:6: ONBUILD trigger of the base image 'base': 'STOPSIGNAL TREM': 'TREM'"));
  EXPECT_THAT(Told(text, "", Status(), WithTrigger("RUNN x")),
              HasSubstr("Dockerfile:1:6: ONBUILD trigger of the base image 'base': trigger:1:1: unknown instruction "
                        "'RUNN'; did you mean 'RUN'?\n"));
}

}  // namespace
}  // namespace slipway::dockerfile
