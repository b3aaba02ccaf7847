/** Pictures as Load Image names them: "folder/name.png [output]". */

/** Nodes whose widget `image` holds such a name. */
export const LOADERS = ['LoadImage', 'HiresFixLoadImage']

/** The parts of a name, as the server's route `/view` takes them. */
export function parts(name) {
  const [, subfolder = '', filename, type = 'input'] = name.match(/^(?:(.*)\/)?(.+?)(?: \[(input|output|temp)\])?$/)
  return { filename, subfolder, type }
}

/** The file's name without folders and ending. */
export function stem(name) {
  return name.replace(/^.*[/\\]/, '').replace(/\.\w+( \[\w+\])?$/, '')
}
