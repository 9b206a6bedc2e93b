#include "daemon/services/attestations_service.h"

#include <algorithm>

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/attest/statement.h"
#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

constexpr size_t kPiece = 1 << 20;
constexpr std::chrono::seconds kPatience{60};  // with the registry

std::string_view PrefixOf(v1::AttestationKind kind) {
  if (kind == v1::ATTESTATION_KIND_PROVENANCE) return "https://slsa.dev/provenance/";
  return kind == v1::ATTESTATION_KIND_SBOM ? attest::kSpdxType : "";
}

std::string_view NameOf(v1::AttestationKind kind) {
  if (kind == v1::ATTESTATION_KIND_PROVENANCE) return "provenance";
  return kind == v1::ATTESTATION_KIND_SBOM ? "bill of materials" : "attestation";
}

bool Send(const builder::Attestation& attestation, grpc::ServerWriter<v1::ReadAttestationsResponse>& writer) {
  std::string_view rest = attestation.statement;
  v1::ReadAttestationsResponse piece;
  piece.mutable_platform()->set_os(utf8::Repair(attestation.platform.os));
  piece.mutable_platform()->set_architecture(utf8::Repair(attestation.platform.architecture));
  piece.mutable_platform()->set_variant(utf8::Repair(attestation.platform.variant));
  piece.set_predicate_type(utf8::Repair(attestation.predicate_type));
  do {
    piece.set_data(std::string(rest.substr(0, kPiece)));
    rest.remove_prefix(std::min(kPiece, rest.size()));
    if (!writer.Write(piece)) return false;
    piece.Clear();
  } while (!rest.empty());
  return true;
}

}  // namespace

grpc::Status AttestationsService::ReadAttestations(grpc::ServerContext*, const v1::ReadAttestationsRequest* request,
                                                   grpc::ServerWriter<v1::ReadAttestationsResponse>* writer) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  if (!store::IsRunId(request->run_id())) return BadFields({{"run_id", "is not the id of a run"}});
  const Result<store::Run> run = store_.Get(request->run_id());
  if (!run.ok() && run.code() != Code::kNotFound) return ToGrpc(run.status());
  if (!run.ok()) return Refuse(run.status(), "RUN_NOT_FOUND", {{"run_id", request->run_id()}});
  const auto& outputs = run->result.output_images;
  const auto image =
      std::find_if(outputs.begin(), outputs.end(), [](const store::Image& one) { return !one.digest.empty(); });
  const bool pushes = run->file_task || run->build.pushes();
  if (run->state != store::RunState::kSucceeded || image == outputs.end() || !pushes) {
    return Refuse(FailedPrecondition("run '{}' has pushed no image (it is {})", run->id, store::StateName(run->state)),
                  "NOT_PUSHED");
  }
  oci::Reference reference{.host = image->registry, .repository = image->repository, .tag = "", .digest = {}};
  Result<Digest> digest = Digest::Parse(image->digest);
  if (!digest.ok()) return ToGrpc(digest.status());
  reference.digest = *digest;
  const Context ctx = Context::Background().WithTimeout(kPatience, "reading attestations");
  const auto found = builder_.ReadAttestations(ctx, reference, PrefixOf(request->kind()));
  if (!found.ok()) return ToGrpc(found.status());
  if (found->empty()) {
    return Refuse(NotFound("the image of run '{}' has no {}; build it with --provenance or --sbom", run->id,
                           NameOf(request->kind())),
                  "NO_ATTESTATION");
  }
  for (const builder::Attestation& attestation : *found) {
    if (!Send(attestation, *writer)) break;  // the client is gone
  }
  return grpc::Status::OK;
}

}  // namespace slipway::services
