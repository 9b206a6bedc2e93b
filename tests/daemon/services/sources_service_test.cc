#include "daemon/services/sources_service.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "executor/base/file_handover.h"
#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a client has: names and contents.
using Folder = std::vector<std::pair<std::string, std::string>>;

void AddFile(v1::ManifestChunk* manifest, const std::string& path, const std::string& content) {
  v1::ContextEntry* entry = manifest->add_entries();
  entry->set_path(path);
  entry->set_type(v1::ENTRY_TYPE_FILE);
  entry->set_mode(0644);
  entry->set_size(content.size());
  const Digest digest = Digest::Of(content);
  entry->set_sha256(digest.bytes().data(), Digest::kSize);
}

class SourcesServiceTest : public testing::ApiFixture {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::UploadContextRequest, v1::UploadContextResponse>;

  struct Outcome {
    grpc::Status status;
    v1::UploadResult result;
    size_t missing = 0;
  };

  // Plays a client that behaves well.
  Outcome Upload(const Folder& folder) {
    grpc::ClientContext ctx;
    const auto stream = sources_->UploadContext(&ctx);
    v1::UploadContextRequest request;
    for (const auto& [path, content] : folder) AddFile(request.mutable_manifest(), path, content);
    request.mutable_manifest()->set_last(true);
    stream->Write(request);
    Outcome out;
    v1::UploadContextResponse response;
    std::vector<uint32_t> missing;
    do {
      if (!stream->Read(&response)) return {.status = stream->Finish()};
      missing.insert(missing.end(), response.missing().entries().begin(), response.missing().entries().end());
    } while (!response.missing().last());
    for (const uint32_t index : missing) {
      v1::UploadContextRequest contents;
      v1::FilePart* part = contents.mutable_contents()->add_parts();
      part->set_entry(index);
      part->set_data(folder[index].second);
      stream->Write(contents);
    }
    stream->WritesDone();
    if (stream->Read(&response)) out.result = response.result();
    out.missing = missing.size();
    out.status = stream->Finish();
    return out;
  }

  // Sends these messages and nothing else; the status of the call.
  grpc::Status Send(const std::vector<v1::UploadContextRequest>& requests) {
    grpc::ClientContext ctx;
    const auto stream = sources_->UploadContext(&ctx);
    for (const v1::UploadContextRequest& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    v1::UploadContextResponse response;
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  }
  grpc::Status SendEntry(const v1::ContextEntry& entry) {
    v1::UploadContextRequest request;
    AddFile(request.mutable_manifest(), "first", "x");
    *request.mutable_manifest()->add_entries() = entry;
    request.mutable_manifest()->set_last(true);
    return Send({request});
  }
};

TEST_F(SourcesServiceTest, AFolderIsUploadedAndBuilt) {
  const Outcome outcome = Upload({{"Dockerfile", "FROM scratch\n"}, {"a/b", "hello"}, {"empty", ""}});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  EXPECT_THAT(outcome.result.source_location(), HasSubstr("upload:sha256:"));
  EXPECT_EQ(outcome.result.bytes_received(), 18U);
  EXPECT_EQ(outcome.result.files_received(), 2U);
  EXPECT_EQ(outcome.result.files_reused(), 1U);
  EXPECT_EQ(outcome.result.bytes_total(), 18U);
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->set_source_location(outcome.result.source_location());
  EXPECT_EQ(WaitForEnd(ScheduleRun(request).run_id()).state, store::RunState::kSucceeded);
}

TEST_F(SourcesServiceTest, AnUnchangedFolderSendsNothing) {
  const Folder folder = {{"a", "1"}, {"b", "2"}};
  const Outcome first = Upload(folder);
  const Outcome second = Upload(folder);
  EXPECT_EQ(second.missing, 0U);
  EXPECT_EQ(second.result.bytes_received(), 0U);
  EXPECT_EQ(second.result.source_location(), first.result.source_location());
  const Outcome third = Upload({{"a", "1"}, {"b", "changed"}});
  EXPECT_EQ(third.missing, 1U);
}

TEST_F(SourcesServiceTest, ManySmallFilesFitInOneMessage) {
  Folder folder;
  for (int i = 0; i < 3000; ++i) folder.emplace_back(fmt::format("d{}/f{}", i % 7, i), fmt::format("content {}", i));
  grpc::ClientContext ctx;
  const auto stream = sources_->UploadContext(&ctx);
  v1::UploadContextRequest manifest;
  for (const auto& [path, content] : folder) AddFile(manifest.mutable_manifest(), path, content);
  manifest.mutable_manifest()->set_last(true);
  ASSERT_TRUE(stream->Write(manifest));
  v1::UploadContextResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.missing().entries_size(), 3000);
  v1::UploadContextRequest contents;
  for (const uint32_t index : response.missing().entries()) {
    v1::FilePart* part = contents.mutable_contents()->add_parts();
    part->set_entry(index);
    part->set_data(folder[index].second);
  }
  ASSERT_TRUE(stream->Write(contents));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.result().files_received(), 3000U);
  EXPECT_TRUE(stream->Finish().ok());
}

// Over a Unix socket, as clients of the same machine do.
class LocalSourcesServiceTest : public SourcesServiceTest {
 protected:
  LocalSourcesServiceTest() {
    server_on_socket_ = *Server::Start({*config::ParseAddress("unix:" + socket_)}, {&service_});
    sources_ = v1::Sources::NewStub(grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials()));
  }

  // Announces one file and hands over others, if the server offers that; then says that they were handed over.
  Outcome HandOver(const std::string& announced, const std::vector<std::pair<uint32_t, std::string>>& files,
                   const std::string& bytes = "") {
    grpc::ClientContext ctx;
    const auto stream = sources_->UploadContext(&ctx);
    v1::UploadContextRequest manifest;
    AddFile(manifest.mutable_manifest(), "file", announced);
    manifest.mutable_manifest()->set_last(true);
    stream->Write(manifest);
    v1::UploadContextResponse response;
    EXPECT_TRUE(stream->Read(&response));
    offered_ = response.missing().handover();
    if (!offered_.empty()) {
      HandoverSender sender = *HandoverSender::Connect(socket_, offered_);
      for (const auto& [number, content] : files) {
        const std::string path = dir_.path() + "/file";
        EXPECT_TRUE(fs::WriteFileAtomic(path, content).ok());
        EXPECT_TRUE(sender.Send(Context::Background(), number, fs::Open(path, O_RDONLY)->get()));
      }
    }
    v1::UploadContextRequest contents;
    v1::FilePart* part = contents.mutable_contents()->add_parts();
    part->set_handed_over(true);
    part->set_data(bytes);
    stream->Write(contents);
    stream->WritesDone();
    Outcome out;
    if (stream->Read(&response)) out.result = response.result();
    out.status = stream->Finish();
    return out;
  }

  const std::string socket_ = dir_.path() + "/s.sock";
  SourcesService service_{builder_.store(), *uploads_, source::Limits(), socket_};
  std::unique_ptr<Server> server_on_socket_;
  std::string offered_;
  const std::string large_ = std::string(3U << 20, 'l') + "end";
};

TEST_F(LocalSourcesServiceTest, LargeFilesAreHandedOver) {
  const Outcome outcome = HandOver(large_, {{0, large_}});
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.error_message();
  EXPECT_EQ(outcome.result.files_received(), 1U);
  EXPECT_EQ(outcome.result.bytes_received(), large_.size());
  EXPECT_TRUE(builder_.store().Open(Digest::Of(large_))->ReadAll().ValueOr("") == large_);
  EXPECT_FALSE(offered_.empty());
  EXPECT_FALSE(fs::Exists(socket_ + "." + offered_)) << "the socket goes with the call";
}

TEST_F(LocalSourcesServiceTest, BytesAreTakenAllTheSame) {
  const Outcome outcome = Upload({{"a", "1"}, {"b", large_}});
  EXPECT_TRUE(outcome.status.ok()) << outcome.status.error_message();
}

TEST_F(LocalSourcesServiceTest, WhatHasNotComeIsToBeSentAsBytes) {
  for (const Outcome& outcome : {HandOver(large_, {}), HandOver(large_, {{1, large_}})}) {
    EXPECT_EQ(outcome.status.error_code(), grpc::FAILED_PRECONDITION);
    EXPECT_EQ(Reason(outcome.status), "slipway/HANDOVER_REFUSED");
    EXPECT_THAT(outcome.status.error_message(), HasSubstr("'file' was handed over and cannot be taken"));
  }
}

TEST_F(LocalSourcesServiceTest, AHandoverThatCannotBeIsRefused) {
  EXPECT_THAT(BadFields(HandOver(large_, {{0, large_}}, "x").status), ElementsAre("contents.parts[0].handed_over"));
  EXPECT_THAT(BadFields(HandOver("small", {}).status), ElementsAre("contents.parts[0].handed_over"));
  EXPECT_EQ(offered_, "") << "small files are sent";
}

TEST_F(LocalSourcesServiceTest, AFileThatIsNotWhatWasAnnouncedIsDataLoss) {
  std::string other = large_;
  other.back() = '!';
  for (const std::string& content : {other, large_.substr(1), std::string()}) {
    EXPECT_EQ(HandOver(large_, {{0, content}}).status.error_code(), grpc::DATA_LOSS);
  }
  EXPECT_FALSE(builder_.store().Has(Digest::Of(other)));
  EXPECT_TRUE(HandOver(large_, {{0, large_ + "more"}}).status.ok()) << "what was announced is there";
}

TEST_F(SourcesServiceTest, HostileEntriesAreNamed) {
  v1::ContextEntry entry;
  entry.set_path("/etc/passwd");
  entry.set_type(v1::ENTRY_TYPE_FILE);
  grpc::Status status = SendEntry(entry);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(BadFields(status), ElementsAre("entries[1].path"));
  entry.set_path("a/../../b");
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].path"));
  entry.set_path("first");
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].path"));
  entry.set_path("dev");
  for (const auto type : {v1::ENTRY_TYPE_BLOCK_DEVICE, v1::ENTRY_TYPE_CHAR_DEVICE, v1::ENTRY_TYPE_UNSPECIFIED}) {
    entry.set_type(type);
    EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].type"));
  }
  entry.set_type(static_cast<v1::EntryType>(99));
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("manifest.entries[1].type"));
  entry.set_type(v1::ENTRY_TYPE_FILE);
  entry.set_size(1);
  entry.set_sha256("short");
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].sha256"));
  entry.clear_sha256();
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].sha256"));
  entry.set_size(0);
  entry.set_device_major(8);
  EXPECT_THAT(BadFields(SendEntry(entry)), ElementsAre("entries[1].device_major"));
}

TEST_F(SourcesServiceTest, LimitsAreNamed) {
  Serve({.max_entries = 2, .max_total_bytes = 100, .max_file_bytes = 50});
  const Outcome many = Upload({{"a", "1"}, {"b", "2"}, {"c", "3"}});
  EXPECT_EQ(many.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(many.status), "slipway/CONTEXT_LIMIT");
  EXPECT_THAT(many.status.error_message(), HasSubstr("limits.entries"));
  EXPECT_THAT(Upload({{"a", std::string(51, 'x')}}).status.error_message(), HasSubstr("limits.file_bytes"));
}

TEST_F(SourcesServiceTest, MessagesOutOfTurnAreRefused) {
  v1::UploadContextRequest contents;
  contents.mutable_contents()->add_parts()->set_data("x");
  EXPECT_THAT(BadFields(Send({contents})), ElementsAre("contents"));
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "never sent anywhere");
  manifest.mutable_manifest()->set_last(true);
  EXPECT_THAT(BadFields(Send({manifest, manifest})), ElementsAre("manifest"));
  contents.mutable_contents()->mutable_parts(0)->set_entry(7);
  EXPECT_THAT(BadFields(Send({manifest, contents})), ElementsAre("contents.parts[0].entry"));
  EXPECT_THAT(BadFields(Send({v1::UploadContextRequest()})), ElementsAre("contents"));
}

TEST_F(SourcesServiceTest, AnUploadThatEndsEarlyLeavesNothing) {
  EXPECT_EQ(Reason(Send({})), "slipway/UPLOAD_INCOMPLETE");
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "never sent anywhere");
  manifest.mutable_manifest()->set_last(true);
  const grpc::Status status = Send({manifest});
  EXPECT_EQ(Reason(status), "slipway/UPLOAD_INCOMPLETE");
  EXPECT_THAT(status.error_message(), HasSubstr("'a'"));
  EXPECT_FALSE(builder_.store().Has(Digest::Of("never sent anywhere")));
}

TEST_F(SourcesServiceTest, AFileThatChangedMeanwhileIsFoundOut) {
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "old");
  manifest.mutable_manifest()->set_last(true);
  v1::UploadContextRequest contents;
  contents.mutable_contents()->add_parts()->set_data("new");
  EXPECT_EQ(Send({manifest, contents}).error_code(), grpc::DATA_LOSS);
}

TEST_F(SourcesServiceTest, UnknownFieldsAreRefused) {
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "x");
  v1::ContextEntry* entry = manifest.mutable_manifest()->mutable_entries(0);
  entry->GetReflection()->MutableUnknownFields(entry)->AddVarint(99, 1);
  EXPECT_THAT(BadFields(Send({manifest})), ElementsAre("manifest.entries[0].99"));
}

template <typename M>
void AddUnknown(M* message) {
  message->GetReflection()->MutableUnknownFields(message)->AddVarint(99, 1);
}

TEST_F(SourcesServiceTest, UnknownFieldsAreRefusedAtAnyDepth) {
  using Change = std::function<void(v1::UploadContextRequest*)>;
  const std::vector<std::pair<std::string, Change>> changes = {
      {"99", [](auto* request) { AddUnknown(request); }},
      {"manifest.99", [](auto* request) { AddUnknown(request->mutable_manifest()); }},
      {"manifest.entries[0].mtime.99",
       [](auto* request) { AddUnknown(request->mutable_manifest()->mutable_entries(0)->mutable_mtime()); }},
      {"manifest.entries[0].xattrs[0].99",
       [](auto* request) { AddUnknown(request->mutable_manifest()->mutable_entries(0)->add_xattrs()); }},
      {"manifest.entries[0].type",
       [](auto* request) { request->mutable_manifest()->mutable_entries(0)->set_type(v1::EntryType(77)); }},
  };
  for (const auto& [place, change] : changes) {
    v1::UploadContextRequest manifest;
    AddFile(manifest.mutable_manifest(), "a", "x");
    change(&manifest);
    EXPECT_THAT(BadFields(Send({manifest})), ElementsAre(place));
  }
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "never sent whole");
  manifest.mutable_manifest()->set_last(true);
  v1::UploadContextRequest contents;
  AddUnknown(contents.mutable_contents());
  EXPECT_THAT(BadFields(Send({manifest, contents})), ElementsAre("contents.99"));
  contents.Clear();
  AddUnknown(contents.mutable_contents()->add_parts());
  EXPECT_THAT(BadFields(Send({manifest, contents})), ElementsAre("contents.parts[0].99"));
}

void AddTypes(const google::protobuf::Descriptor* type, std::set<std::string>* types) {
  if (!types->insert(std::string(type->name())).second) return;
  for (int i = 0; i < type->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type->field(i);
    if (field->message_type() != nullptr) AddTypes(field->message_type(), types);
    if (field->enum_type() != nullptr) types->insert(std::string(field->enum_type()->name()));
  }
}

// The service knows them by name, so whoever adds one adds it there, too, and to the test above.
TEST(SourcesService, ThereIsNoTypeThatIsNotLookedAt) {
  std::set<std::string> types;
  AddTypes(v1::UploadContextRequest::descriptor(), &types);
  EXPECT_THAT(types, ElementsAre("ContentChunk", "ContextEntry", "EntryType", "ExtendedAttribute", "FilePart",
                                 "ManifestChunk", "Timestamp", "UploadContextRequest"));
}

TEST_F(SourcesServiceTest, TooManyUploadsAtOnceAreRefused) {
  struct Call {
    grpc::ClientContext ctx;
    std::unique_ptr<Stream> stream;
  };
  std::vector<std::unique_ptr<Call>> calls;
  v1::UploadContextRequest manifest;
  AddFile(manifest.mutable_manifest(), "a", "never sent anywhere");
  manifest.mutable_manifest()->set_last(true);
  v1::UploadContextResponse response;
  for (int i = 0; i < SourcesService::kMaxUploads; ++i) {
    auto call = std::make_unique<Call>();
    call->stream = sources_->UploadContext(&call->ctx);
    ASSERT_TRUE(call->stream->Write(manifest));
    ASSERT_TRUE(call->stream->Read(&response)) << i;
    calls.push_back(std::move(call));
  }
  EXPECT_EQ(Reason(Send({manifest})), "slipway/TOO_MANY_STREAMS");
  EXPECT_TRUE(ScheduleRun().run_id() == "ca1") << "other calls are served";
  for (const auto& call : calls) call->ctx.TryCancel();
  for (const auto& call : calls) call->stream->Finish();
}

}  // namespace
}  // namespace slipway::services
