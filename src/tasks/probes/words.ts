/** Short common words, most of them one token with their space in usual vocabularies. */

/** Things, for lists and sentences. */
export const NOUNS: readonly string[] = (
  "apple arm army baby bag ball bank bar base bath bear bed bell bird boat body bone book boot border bottle " +
  "bowl box boy branch bread bridge brother bus cake camera camp car card cat cell chain chair child church " +
  "city class clock cloud club coal coat coffee corn cow cup desk dog door dress drum ear earth egg engine eye " +
  "face family farm father field film finger fire fish flag floor flower fly food foot forest fox friend fruit " +
  "game garden gate girl glass gold grass group guitar hair hall hand hat head heart hill home horse hotel " +
  "house ice iron island king kitchen knife lake lamp leaf leg letter light line lion lip map market meat milk " +
  "mirror money moon mother mountain mouth music neck night nose ocean office oil orange page paint paper park " +
  "pen phone picture pig plane plant plate pool queen radio rain ring river road rock roof room rose salt sand " +
  "school sea seed sheep ship shirt shoe shop silver sister skin sky snow soil song star station stone street " +
  "sugar summer sun table tail tea teacher tooth tower town train tree truck valley village wall watch water " +
  "wave wheel wind window wine wing winter wolf wood yard"
).split(" ");

/** Qualities of things, for sentences. */
export const QUALITIES: readonly string[] =
  "big black blue bright brown clean cold dark deep dry dull fine fresh green grey heavy high hot large light long low new old pale plain quiet red round sharp short slow small soft strong tall thin warm white wide yellow young"
    .split(" ");

/** Where things are, for sentences. */
export const PLACES: readonly string[] = "above behind below beside inside near outside under".split(" ");
