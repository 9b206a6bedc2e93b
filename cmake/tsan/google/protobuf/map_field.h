// For builds with ThreadSanitizer: protobuf's header gives its maps two more members there, which the system's library
// does not have, since it is built without. A message with a map would be read at wrong places.
#pragma once

#include <memory>

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
