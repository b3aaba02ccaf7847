/** A1111's hires fix button: a finished picture opens as a form that draws it again larger, its own prompt in it. */

import { app } from '../../../scripts/app.js'
import { LIFE, tell } from './messages.js'
import { LOADERS, parts, stem } from './picture_names.js'

const TITLE = 'Hires Fix this picture'

app.registerExtension({
  name: 'hiresfixupscale.hires_of_picture',
  getNodeMenuItems(node) {
    const picture = pictureOf(node)
    return picture ? [{ content: TITLE, callback: () => open(picture) }] : []
  },
})

/** The picture that a node loads or shows, as Load Image names files: "folder/name.png [output]". */
function pictureOf(node) {
  const loaded = LOADERS.includes(node.comfyClass) && node.widgets?.find(({ name }) => name === 'image')?.value
  return (typeof loaded === 'string' && loaded) || named(shown(node))
}

/** File of the picture that a node shows; of several, the one that is looked at. */
function shown(node) {
  const number = node.imageIndex ?? node.overIndex ?? 0
  const { src } = node.imgs?.[number] ?? node.imgs?.[0] ?? {}
  const query = src && new URL(src, window.location.href).searchParams
  if (query?.has('filename')) return Object.fromEntries(query)
  const { images } = app.nodeOutputs?.[node.id] ?? {} // Nodes 2.0 shows them without such objects
  return images?.[number] ?? images?.[0]
}

function named({ filename, subfolder, type = 'output' } = {}) {
  return filename && `${subfolder ? `${subfolder}/` : ''}${filename} [${type}]`
}

/** Have the server make the form, and open it in a tab of its own. */
async function open(picture) {
  try {
    const image = await asInput(picture)
    const answer = await app.api.fetchApi('/hires-fix/hires-of-picture', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ image }),
    })
    // a proxy in between, or a server that fails, answers with a page
    const { workflow, notes, error } = await answer.json().catch(() => ({ error: `The server says ${answer.status}.` }))
    if (error) throw new Error(error)
    await app.loadGraphData(workflow, true, true, `Hires Fix of ${stem(image)}.app`)
    if (notes.length) tell('info', TITLE, notes.join('\n'), LIFE)
  } catch (error) {
    tell('error', TITLE, error.message)
  }
}

/** The picture in the input folder, where Load Image finds it tomorrow, too: as the editor does with a dropped one. */
async function asInput(picture) {
  const { filename, subfolder, type } = parts(picture)
  if (type === 'input') return picture.replace(' [input]', '')
  const file = await app.api.fetchApi(`/view?${new URLSearchParams({ filename, subfolder, type })}`)
  if (!file.ok) throw new Error(`There is no picture '${picture}' on the server.`)
  const body = new FormData()
  body.append('image', await file.blob(), filename)
  const copy = await app.api.fetchApi('/upload/image', { method: 'POST', body })
  if (!copy.ok) throw new Error(`The picture cannot be copied to the input folder: the server says ${copy.status}.`)
  await app.reloadNodeDefs() // else the editor takes the copy for missing
  return (await copy.json()).name
}
