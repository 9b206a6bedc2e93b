// FetchOutput and DiffImages over a real channel.
#include <gmock/gmock.h>

#include <thread>

#include "executor/layer/archive.h"
#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ImagesServiceTest : public testing::ApiFixture {
 protected:
  struct Fetched {
    std::vector<v1::OutputEntry> entries;
    std::string bytes;
    size_t messages = 0;
    grpc::Status result;
  };

  Fetched Fetch(const std::string& id, uint32_t output, v1::OutputForm form) {
    v1::FetchOutputRequest request;
    request.set_run_id(id);
    request.set_output(output);
    request.set_form(form);
    grpc::ClientContext ctx;
    ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto stream = images_->FetchOutput(&ctx, request);
    Fetched out;
    v1::FetchOutputResponse response;
    while (stream->Read(&response)) {
      ++out.messages;
      for (const v1::OutputPart& part : response.parts()) {
        if (part.has_entry()) out.entries.push_back(part.entry());
        out.bytes += part.data();
      }
    }
    out.result = stream->Finish();
    return out;
  }

  // A run with one output that has ended as it will.
  std::string RunWithOutput() {
    v1::ScheduleRunRequest request = BuildRequest();
    request.mutable_docker_build()->add_outputs()->set_type(v1::OUTPUT_TYPE_ROOTFS);
    const std::string id = ScheduleRun(request).run_id();
    v1::StreamRunLogRequest follow;
    follow.set_run_id(id);
    follow.set_follow(true);
    grpc::ClientContext ctx;
    const auto stream = runs_->StreamRunLog(&ctx, follow);
    v1::StreamRunLogResponse response;
    while (stream->Read(&response)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
    return id;
  }
};

TEST_F(ImagesServiceTest, AnOutputComesFileByFile) {
  const std::string id = RunWithOutput();
  const Fetched out = Fetch(id, 0, v1::OUTPUT_FORM_FILES);
  ASSERT_TRUE(out.result.ok()) << out.result.error_message();
  ASSERT_EQ(out.entries.size(), 3U);
  EXPECT_EQ(out.entries[0].path(), "dir");
  EXPECT_EQ(out.entries[0].type(), v1::ENTRY_TYPE_DIRECTORY);
  EXPECT_EQ(out.entries[1].mode(), 0640U);
  EXPECT_EQ(out.entries[1].uid(), 7U);
  EXPECT_EQ(out.entries[1].size(), 600'000U);
  EXPECT_EQ(out.entries[1].xattrs(0).value(), std::string("\0b", 2));
  EXPECT_EQ(out.entries[2].link_target(), "dir/file");
  EXPECT_EQ(out.bytes, std::string(600'000, 'x'));
  EXPECT_GE(out.messages, 3U);
  EXPECT_TRUE(Fetch(id, 0, v1::OUTPUT_FORM_FILES).result.ok());  // as often as wanted
}

TEST_F(ImagesServiceTest, AnArchiveIsATar) {
  const Fetched out = Fetch(RunWithOutput(), 0, v1::OUTPUT_FORM_ARCHIVE);
  ASSERT_TRUE(out.result.ok()) << out.result.error_message();
  EXPECT_TRUE(out.entries.empty());
  const layer::ByteSource source = [bytes = out.bytes,
                                    at = size_t{0}](std::span<char> buffer) mutable -> Result<size_t> {
    const size_t size = std::min(buffer.size(), bytes.size() - at);
    std::copy_n(bytes.data() + at, size, buffer.data());
    at += size;
    return size;
  };
  const auto tree = layer::ReadArchive(Context::Background(), source, {}, builder_.store(), nullptr);
  ASSERT_TRUE(tree.ok()) << tree.status().message();
  ASSERT_EQ(tree->size(), 3U);
  EXPECT_EQ(tree->entries()[1].digest, Digest::Of(std::string(600'000, 'x')));
  EXPECT_EQ(tree->entries()[2].link, "dir/file");
}

TEST_F(ImagesServiceTest, SaysWhyThereIsNone) {
  EXPECT_EQ(Reason(Fetch("zz99", 0, v1::OUTPUT_FORM_FILES).result), "slipway/RUN_NOT_FOUND");
  const std::string id = RunWithOutput();
  EXPECT_THAT(BadFields(Fetch(id, 1, v1::OUTPUT_FORM_FILES).result), ElementsAre("output"));
  EXPECT_THAT(BadFields(Fetch(id, 0, v1::OUTPUT_FORM_UNSPECIFIED).result), ElementsAre("form"));
  builder_.FailExport(ResourceExhausted("the disk is full"));
  const Fetched failed = Fetch(id, 0, v1::OUTPUT_FORM_FILES);
  EXPECT_EQ(failed.result.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink&) { return Unknown("no"); });
  EXPECT_EQ(Reason(Fetch(RunWithOutput(), 0, v1::OUTPUT_FORM_FILES).result), "slipway/RUN_NOT_SUCCEEDED");
}

TEST_F(ImagesServiceTest, ADaemonThatWasStartedAnewHasNothingKept) {
  const std::string id = RunWithOutput();
  runs::KeptImages empty(Clock::Real());
  ImagesService service(builder_, *store_, empty, *uploads_, "");
  v1::FetchOutputRequest request;
  request.set_run_id(id);
  request.set_form(v1::OUTPUT_FORM_FILES);
  grpc::ServerContext context;
  const grpc::Status status = service.FetchOutput(&context, &request, nullptr);
  EXPECT_EQ(Reason(status), "slipway/OUTPUT_GONE");
  EXPECT_THAT(status.error_message(), HasSubstr("build it again"));
}

TEST_F(ImagesServiceTest, StopEndsWhatIsUnderWay) {
  const std::string id = RunWithOutput();
  builder_.CloseGate();
  Fetched out;
  std::thread fetch([&] { out = Fetch(id, 0, v1::OUTPUT_FORM_FILES); });
  images_service_->Stop();
  fetch.join();
  EXPECT_EQ(out.result.error_code(), grpc::StatusCode::UNAVAILABLE) << out.result.error_message();
}

class DiffImagesTest : public ImagesServiceTest {
 protected:
  struct Diffed {
    std::vector<v1::ImageDifference> differences;
    v1::DiffSummary summary;
    grpc::Status result;
  };
  Diffed Diff(const v1::DiffImagesRequest& request) {
    grpc::ClientContext ctx;
    const auto stream = images_->DiffImages(&ctx, request);
    Diffed out;
    v1::DiffImagesResponse response;
    while (stream->Read(&response)) {
      out.differences.insert(out.differences.end(), response.differences().begin(), response.differences().end());
      if (response.has_summary()) out.summary = response.summary();
    }
    out.result = stream->Finish();
    return out;
  }
  static v1::DiffImagesRequest Request(const std::string& first, const std::string& second) {
    v1::DiffImagesRequest request;
    request.mutable_first()->set_reference(first);
    request.mutable_second()->set_reference(second);
    return request;
  }
};

TEST_F(DiffImagesTest, TellsDifferencesUpToTheLimitAndCountsTheRest) {
  v1::DiffImagesRequest request = Request("app:a", "app:b");
  request.set_limit(10);
  const Diffed out = Diff(request);
  ASSERT_TRUE(out.result.ok()) << out.result.error_message();
  ASSERT_EQ(out.differences.size(), 10U);
  EXPECT_EQ(out.differences[3].name(), "/3");
  EXPECT_FALSE(out.differences[3].has_first());
  EXPECT_FALSE(out.summary.same());
  EXPECT_EQ(out.summary.differences(), 30U);
  EXPECT_EQ(out.summary.omitted(), 20U);
  EXPECT_TRUE(Diff(Request("app:a", "r.io/app:a")).summary.same());
}

TEST_F(DiffImagesTest, ChecksItsRequest) {
  v1::DiffImagesRequest request = Request("Bad Name", "");
  request.set_limit(1'000'000);
  request.mutable_platform()->set_os("linux/");
  EXPECT_THAT(BadFields(Diff(request).result), ElementsAre("first", "second", "platform", "limit"));
  v1::DiffImagesRequest gone = Request("app", "app");
  gone.mutable_second()->mutable_layout()->set_source_location("upload:" + Digest::Of("never").ToString());
  EXPECT_EQ(Reason(Diff(gone).result), "slipway/UPLOAD_NOT_FOUND");
  gone.mutable_second()->mutable_layout()->set_source_location("/etc");
  EXPECT_THAT(BadFields(Diff(gone).result), ElementsAre("second"));
}

}  // namespace
}  // namespace slipway::services
