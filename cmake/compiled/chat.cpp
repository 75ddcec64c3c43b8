// Chat templates.
#include <eigenformer/hub/load_chat_template.inl.hpp>
#include <eigenformer/text/chat_template.inl.hpp>
