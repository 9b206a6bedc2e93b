// Keeps protobuf from reading the descriptors of all messages before main(): a third of what a short command computes,
// and few commands ask for one. The linker sends the calls of the generated files' initializers here (CMakeLists.txt);
// a message that is asked for its descriptor registers that of its file, and those of the files it imports, by itself.
// What would not be found is a type that is looked up by its name alone; the command line looks up none.
#include <google/protobuf/generated_message_reflection.h>

extern "C" void
SlipwayRegisterLater(google::protobuf::internal::AddDescriptorsRunner*, const google::protobuf::internal::DescriptorTable*) __asm__(
    "__wrap__ZN6google8protobuf8internal20AddDescriptorsRunnerC1EPKNS1_15DescriptorTableE");

void SlipwayRegisterLater(google::protobuf::internal::AddDescriptorsRunner*,
                          const google::protobuf::internal::DescriptorTable*) {}
