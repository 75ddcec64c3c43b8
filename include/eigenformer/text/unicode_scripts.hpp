// The pattern by which the pre-tokenizer UnicodeScripts cuts text: runs of characters of one script.
#pragma once

#include <eigenformer/core/types.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// Runs of one script, its first character not a space. Kana and the mark of long vowels count as Han; spaces
/// and unassigned characters belong to the run they stand in, and to none at the beginning of a text. Scripts
/// that are newer than the reference engine's table (Unicode 9) are cut into characters.
[[gnu::cold]] inline std::string script_runs() {
  std::string out = "(?! )(?:";
  const auto add = [&](std::string_view characters) {
    out += '[';
    out += characters;
    out += "][";
    out += characters;
    out += "\\p{Unknown} ]*|";
  };
  add("\\p{Latin}");
  add("\\p{Common}");
  add("\\p{Han}\\p{Hiragana}\\p{Katakana}\\x{30FC}");
  for (const char* script : {"Arabic",
                             "Cyrillic",
                             "Greek",
                             "Hangul",
                             "Hebrew",
                             "Devanagari",
                             "Thai",
                             "Inherited",
                             "Bengali",
                             "Tamil",
                             "Armenian",
                             "Georgian",
                             "Telugu",
                             "Kannada",
                             "Malayalam",
                             "Gujarati",
                             "Gurmukhi",
                             "Oriya",
                             "Sinhala",
                             "Khmer",
                             "Lao",
                             "Myanmar",
                             "Tibetan",
                             "Ethiopic",
                             "Mongolian",
                             "Adlam",
                             "Ahom",
                             "Anatolian_Hieroglyphs",
                             "Avestan",
                             "Balinese",
                             "Bamum",
                             "Bassa_Vah",
                             "Batak",
                             "Bhaiksuki",
                             "Bopomofo",
                             "Brahmi",
                             "Braille",
                             "Buginese",
                             "Buhid",
                             "Canadian_Aboriginal",
                             "Carian",
                             "Caucasian_Albanian",
                             "Chakma",
                             "Cham",
                             "Cherokee",
                             "Coptic",
                             "Cuneiform",
                             "Cypriot",
                             "Deseret",
                             "Duployan",
                             "Egyptian_Hieroglyphs",
                             "Elbasan",
                             "Glagolitic",
                             "Gothic",
                             "Grantha",
                             "Hanunoo",
                             "Hatran",
                             "Imperial_Aramaic",
                             "Inscriptional_Pahlavi",
                             "Inscriptional_Parthian",
                             "Javanese",
                             "Kaithi",
                             "Kayah_Li",
                             "Kharoshthi",
                             "Khojki",
                             "Khudawadi",
                             "Lepcha",
                             "Limbu",
                             "Linear_A",
                             "Linear_B",
                             "Lisu",
                             "Lycian",
                             "Lydian",
                             "Mahajani",
                             "Mandaic",
                             "Manichaean",
                             "Marchen",
                             "Meetei_Mayek",
                             "Mende_Kikakui",
                             "Meroitic_Cursive",
                             "Meroitic_Hieroglyphs",
                             "Miao",
                             "Modi",
                             "Mro",
                             "Multani",
                             "Nabataean",
                             "New_Tai_Lue",
                             "Newa",
                             "Nko",
                             "Ogham",
                             "Ol_Chiki",
                             "Old_Hungarian",
                             "Old_Italic",
                             "Old_North_Arabian",
                             "Old_Permic",
                             "Old_Persian",
                             "Old_South_Arabian",
                             "Old_Turkic",
                             "Osage",
                             "Osmanya",
                             "Pahawh_Hmong",
                             "Palmyrene",
                             "Pau_Cin_Hau",
                             "Phags_Pa",
                             "Phoenician",
                             "Psalter_Pahlavi",
                             "Rejang",
                             "Runic",
                             "Samaritan",
                             "Saurashtra",
                             "Sharada",
                             "Shavian",
                             "Siddham",
                             "SignWriting",
                             "Sora_Sompeng",
                             "Sundanese",
                             "Syloti_Nagri",
                             "Syriac",
                             "Tagalog",
                             "Tagbanwa",
                             "Tai_Le",
                             "Tai_Tham",
                             "Tai_Viet",
                             "Takri",
                             "Tangut",
                             "Thaana",
                             "Tifinagh",
                             "Tirhuta",
                             "Ugaritic",
                             "Vai",
                             "Warang_Citi",
                             "Yi"})
    add("\\p{" + std::string(script) + '}');
  return out + "\\P{Unknown})";
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
