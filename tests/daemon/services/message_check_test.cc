#include "daemon/services/message_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "slipway/v1/runs.pb.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::UnorderedElementsAre;

// The message with one more field that nobody knows.
template <typename M>
void AddUnknown(M* message, int number) {
  message->GetReflection()->MutableUnknownFields(message)->AddVarint(number, 1);
}

std::vector<std::string> Fields(const google::protobuf::Message& message) {
  std::vector<std::string> out;
  for (const task::FieldError& error : CheckKnown(message)) out.push_back(error.field);
  return out;
}

TEST(MessageCheck, KnownMessagesAreFit) {
  slipway::v1::ScheduleRunRequest request;
  request.mutable_docker_build()->add_image_names("a");
  (*request.mutable_docker_build()->mutable_labels())["k"] = "v";
  request.mutable_docker_build()->set_media_types(slipway::v1::MEDIA_TYPES_DOCKER);
  EXPECT_THAT(Fields(request), ElementsAre());
}

TEST(MessageCheck, UnknownFieldsAreFoundAtAnyDepth) {
  slipway::v1::ScheduleRunRequest request;
  AddUnknown(&request, 99);
  AddUnknown(request.mutable_docker_build(), 77);
  request.mutable_docker_build()->add_arguments();
  AddUnknown(request.mutable_docker_build()->add_arguments(), 55);
  EXPECT_THAT(Fields(request), ElementsAre("99", "docker_build.77", "docker_build.arguments[1].55"));
}

TEST(MessageCheck, UnknownValuesOfEnumsAreFound) {
  slipway::v1::ScheduleRunRequest build;
  build.mutable_docker_build()->set_compression(static_cast<slipway::v1::LayerCompression>(42));
  EXPECT_THAT(Fields(build), ElementsAre("docker_build.compression"));
  slipway::v1::ListRunsRequest list;
  list.add_status(slipway::v1::RUN_STATUS_QUEUED);
  list.add_status(static_cast<slipway::v1::RunStatus>(42));
  EXPECT_THAT(Fields(list), ElementsAre("status[1]"));
}

// A context's list has tens of thousands of entries, and no name is made for those that are well.
TEST(MessageCheck, APlaceIsNamedFromTheMessageDown) {
  slipway::v1::ScheduleRunRequest request;
  for (int i = 0; i < 12; ++i) request.mutable_docker_build()->add_arguments();
  AddUnknown(request.mutable_docker_build()->mutable_arguments(11), 5);
  (*request.mutable_docker_build()->mutable_labels())["k"] = "v";
  request.mutable_docker_build()->set_compression(static_cast<slipway::v1::LayerCompression>(42));
  EXPECT_THAT(CheckKnown(request),
              UnorderedElementsAre(FieldsAre("docker_build.arguments[11].5", "no field of Argument has the number 5"),
                                   FieldsAre("docker_build.compression", "LayerCompression has no value 42")));
}

TEST(MessageCheck, ManyErrorsAreNotAllTold) {
  slipway::v1::ListRunsRequest list;
  for (int i = 0; i < 1000; ++i) list.add_status(static_cast<slipway::v1::RunStatus>(42));
  EXPECT_LE(CheckKnown(list).size(), 20U);
}

}  // namespace
}  // namespace slipway::services
