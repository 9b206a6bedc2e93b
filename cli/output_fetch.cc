#include "cli/output_fetch.h"

#include "cli/output_file.h"
#include "cli/output_folder.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

using Sink = std::function<Status(const v1::OutputPart&)>;

OutputFolder::Existing ExistingOf(const OutputSpec& spec) {
  return spec.request.type() == v1::OUTPUT_TYPE_ROOTFS ? OutputFolder::Existing::kMerge
                                                       : OutputFolder::Existing::kReplaceLayout;
}

Status Read(const Context& ctx, Connection& connection, const v1::FetchOutputRequest& request, const Sink& sink) {
  Call call(ctx);
  const auto stream = connection.images().FetchOutput(call.context(), request);
  v1::FetchOutputResponse response;
  while (stream->Read(&response)) {
    for (const v1::OutputPart& part : response.parts()) {
      if (Status status = sink(part); !status.ok()) {
        call.context()->TryCancel();
        stream->Finish();
        return status;
      }
    }
  }
  const grpc::Status status = stream->Finish();
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  return status.ok() ? Status() : connection.Failure(status, "get the output");
}

Status FetchFile(const Context& ctx, Connection& connection, const v1::FetchOutputRequest& request,
                 const OutputSpec& spec, const std::function<void(std::string_view)>& note) {
  SLIPWAY_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Make(spec.dest));
  SLIPWAY_RETURN_IF_ERROR(
      Read(ctx, connection, request, [&](const v1::OutputPart& part) { return file.Write(part.data()); }));
  SLIPWAY_RETURN_IF_ERROR(file.Commit());
  if (!spec.to_stdout()) note(fmt::format("Wrote {} to '{}'", FormatBytes(file.bytes()), spec.dest));
  return {};
}

Status FetchFolder(const Context& ctx, Connection& connection, const v1::FetchOutputRequest& request,
                   const OutputSpec& spec, const std::function<void(std::string_view)>& note) {
  SLIPWAY_ASSIGN_OR_RETURN(OutputFolder folder, OutputFolder::Make(spec.dest, ExistingOf(spec)));
  const Sink sink = [&folder](const v1::OutputPart& part) -> Status {
    if (part.has_entry()) SLIPWAY_RETURN_IF_ERROR(folder.Add(part.entry()));
    return part.data().empty() ? Status() : folder.Write(part.data());
  };
  SLIPWAY_RETURN_IF_ERROR(Read(ctx, connection, request, sink));
  SLIPWAY_RETURN_IF_ERROR(folder.Commit());
  note(fmt::format("Wrote {} ({}) to '{}'", Counted(folder.files(), "file"), FormatBytes(folder.bytes()), spec.dest));
  if (folder.left_out() > 0) {
    note(fmt::format("note: left out what cannot be made here: {} (devices, attributes)",
                     Counted(folder.left_out(), "thing")));
  }
  return {};
}

}  // namespace

Status CheckPlaces(const std::vector<OutputSpec>& specs) {
  for (const OutputSpec& spec : specs) {
    // Whatever would stand in the way later does so now.
    if (spec.form == v1::OUTPUT_FORM_FILES) {
      SLIPWAY_RETURN_IF_ERROR(OutputFolder::Make(spec.dest, ExistingOf(spec)).status().With("output"));
    } else {
      SLIPWAY_RETURN_IF_ERROR(OutputFile::Check(spec.dest).With("output"));
    }
  }
  return {};
}

Status FetchOutputs(const Context& ctx, Connection& connection, const std::string& run_id,
                    const std::vector<OutputSpec>& specs, const std::function<void(std::string_view)>& note) {
  for (size_t i = 0; i < specs.size(); ++i) {
    v1::FetchOutputRequest request;
    request.set_run_id(run_id);
    request.set_output(static_cast<uint32_t>(i));
    request.set_form(specs[i].form);
    const bool folder = specs[i].form == v1::OUTPUT_FORM_FILES;
    Status status = folder ? FetchFolder(ctx, connection, request, specs[i], note)
                           : FetchFile(ctx, connection, request, specs[i], note);
    SLIPWAY_RETURN_IF_ERROR(std::move(status).With(fmt::format("output '{}'", specs[i].dest)));
  }
  return {};
}

}  // namespace slipway::cli
