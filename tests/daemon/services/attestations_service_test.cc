#include "daemon/services/attestations_service.h"

#include <gmock/gmock.h>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kSlsa = "https://slsa.dev/provenance/v1";
const std::string kSpdx = "https://spdx.dev/Document";

class AttestationsServiceTest : public testing::ApiFixture {
 protected:
  std::string Built(const v1::ScheduleRunRequest& request = BuildRequest()) {
    const std::string id = ScheduleRun(request).run_id();
    WaitForEnd(id);
    return id;
  }

  /// "platform type statement" each.
  grpc::Status Read(const std::string& run_id, v1::AttestationKind kind, std::vector<std::string>* out) {
    v1::ReadAttestationsRequest request;
    request.set_run_id(run_id);
    request.set_kind(kind);
    grpc::ClientContext ctx;
    const auto stream = attestations_->ReadAttestations(&ctx, request);
    v1::ReadAttestationsResponse piece;
    while (stream->Read(&piece)) {
      if (piece.has_platform()) out->push_back(piece.platform().architecture() + " " + piece.predicate_type() + " ");
      out->back() += piece.data();
    }
    return stream->Finish();
  }
};

TEST_F(AttestationsServiceTest, ThePushedImagesStatementsByKind) {
  const oci::Platform arm = *oci::Platform::Parse("linux/arm64");
  builder_.Attest({{.platform = arm, .predicate_type = kSpdx, .statement = "{1}"},
                   {.platform = arm, .predicate_type = kSlsa, .statement = "{2}"}});
  const std::string id = Built();
  std::vector<std::string> found;
  EXPECT_TRUE(Read(id, v1::ATTESTATION_KIND_SBOM, &found).ok());
  EXPECT_THAT(found, ElementsAre("arm64 " + kSpdx + " {1}"));
  found.clear();
  EXPECT_TRUE(Read(id, v1::ATTESTATION_KIND_UNSPECIFIED, &found).ok());
  EXPECT_THAT(found, ElementsAre("arm64 " + kSpdx + " {1}", "arm64 " + kSlsa + " {2}"));
  EXPECT_EQ(builder_.asked_attestations().at(0).digest, Digest::Of("manifest"));
}

TEST_F(AttestationsServiceTest, ALargeStatementComesInPieces) {
  const std::string large(3 << 20, 'x');
  builder_.Attest({{.platform = oci::Platform::Host(), .predicate_type = kSlsa, .statement = large}});
  std::vector<std::string> found;
  EXPECT_TRUE(Read(Built(), v1::ATTESTATION_KIND_PROVENANCE, &found).ok());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].ends_with(" " + large));
}

TEST_F(AttestationsServiceTest, RefusalsSayWhy) {
  std::vector<std::string> found;
  grpc::Status status = Read("ca999", v1::ATTESTATION_KIND_SBOM, &found);
  EXPECT_EQ(Reason(status), "slipway/RUN_NOT_FOUND");
  status = Read("No Id", v1::ATTESTATION_KIND_SBOM, &found);
  EXPECT_THAT(BadFields(status), ElementsAre("run_id"));
  status = Read(Built(), v1::ATTESTATION_KIND_SBOM, &found);
  EXPECT_EQ(Reason(status), "slipway/NO_ATTESTATION");
  EXPECT_THAT(status.error_message(), HasSubstr("has no bill of materials; build it with"));
  v1::ScheduleRunRequest unpushed = BuildRequest();
  unpushed.mutable_docker_build()->set_is_push_enabled(false);
  status = Read(Built(unpushed), v1::ATTESTATION_KIND_SBOM, &found);
  EXPECT_EQ(Reason(status), "slipway/NOT_PUSHED");
  EXPECT_TRUE(found.empty());
}

TEST_F(AttestationsServiceTest, ARequestsAttestationsComeBackWithTheRun) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->set_provenance(v1::PROVENANCE_MODE_MAX);
  request.mutable_docker_build()->set_sbom(true);
  const std::string id = Built(request);
  v1::GetRunRequest get;
  get.set_run_id(id);
  v1::Run run;
  grpc::ClientContext ctx;
  ASSERT_TRUE(runs_->GetRun(&ctx, get, &run).ok());
  EXPECT_EQ(run.docker_build().provenance(), v1::PROVENANCE_MODE_MAX);
  EXPECT_TRUE(run.docker_build().sbom());
  EXPECT_EQ(builder_.requests().at(0).attest.provenance, attest::ProvenanceMode::kMax);
  EXPECT_TRUE(builder_.requests().at(0).attest.sbom);
}

}  // namespace
}  // namespace slipway::services
